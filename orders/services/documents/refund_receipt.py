"""The receipt of a refund: what was taken back, and how the money went."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orders.exceptions import NoRefundReceipt
from orders.models import Payment, Payout, Refund
from orders.services.documents.document import Paper, Row, money, short, words_of_tax
from orders.services.payments.store_credit import issued_codes
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class RefundReceipt:
    """What every face of a refund's receipt says. It names the sale and its receipt."""

    # The row that counts how often it was printed.
    row: Refund
    shop: str
    store: str
    address: str
    register: str
    number: int
    order: str
    order_id: str
    # Of the sale, and the register that it is a number of.
    order_receipt_number: int
    order_register: str
    served_by: str
    reason: str
    refunded_at: datetime
    currency: str
    lines: tuple[Row, ...]
    totals: tuple[Row, ...]
    taxes: tuple[Row, ...]
    payouts: tuple[Row, ...]
    # Of store credits that the refund has made: only its original print says them in full.
    codes: tuple[str, ...] = ()

    @property
    def id(self) -> uuid.UUID:
        return self.row.pk

    @property
    def prints(self) -> int:
        return self.row.prints

    def original(self) -> Paper:
        """Return what the customer is handed, once: with the codes to pay with."""
        return self.paper(extra=tuple(Row(f"Store credit code {code}") for code in self.codes))

    def paper(self, copy: int = 0, extra: tuple[Row, ...] = ()) -> Paper:
        return Paper(
            title=f"Refund {self.number}",
            banner="REFUND",
            shop=self.shop,
            store=self.store,
            address=self.address,
            facts=(
                ("Receipt", str(self.number)),
                ("Refund of order", self.order),
                ("Refund of receipt", f"{self.order_receipt_number}, {self.order_register}"),
                ("Register", self.register),
                ("Served by", self.served_by),
                ("Reason", self.reason),
            ),
            at=self.refunded_at,
            parts=(self.lines, self.totals, (*self.payouts, *extra), self.taxes),
            code=str(self.id),
            copy=copy,
        )


def refund_receipt_of(refund: Refund) -> RefundReceipt:
    """The receipt of a refund that is done, at the prices and taxes of the sale."""
    if refund.receipt_number is None or refund.completed_at is None:
        raise NoRefundReceipt(refund_status=refund.status)
    tenant, order = current_tenant(), refund.order
    receipt_number_and_time, _ = order.receipt_number_and_time()
    return RefundReceipt(
        row=refund,
        shop=tenant.name,
        store=refund.store.name,
        address=refund.store.address,
        register=refund.register.name,
        number=refund.receipt_number,
        order=order.number,
        order_id=str(order.pk),
        order_receipt_number=receipt_number_and_time,
        order_register=order.register.name,
        served_by=str(refund.by),
        reason=refund.reason,
        refunded_at=refund.completed_at.astimezone(refund.store.clock),
        currency=tenant.currency,
        lines=tuple(_lines(refund)),
        totals=tuple(_totals(refund)),
        taxes=tuple(Row(words_of_tax(tax), money(tax["amount"])) for tax in refund.taxes),
        payouts=tuple(_payout_rows(refund)),
        codes=tuple(each["code"] for each in issued_codes(refund)),
    )


def _lines(refund: Refund) -> Iterator[Row]:
    """Each line by name and quantity; without a quantity only money of it came back."""
    for back in sorted(refund.loaded_lines, key=lambda back: back.line.position):
        yield Row(back.line.name, money(back.total))
        if back.quantity and back.quantity != 1:
            yield Row(f"Quantity {short(back.quantity)}", is_detail=True)
        elif not back.quantity:
            yield Row("Amount only", is_detail=True)


def _totals(refund: Refund) -> Iterator[Row]:
    yield Row(f"REFUNDED {current_tenant().currency}", money(refund.total), is_strong=True)
    if refund.cash_rounding:
        yield Row("Cash rounding", money(refund.cash_rounding))


def _payout_rows(refund: Refund) -> Iterator[Row]:
    for payout in _paid_out(refund):
        yield Row(payout.get_method_display(), money(payout.paid))
        if payout.entry == Payment.Entry.EXTERNAL and payout.reference:
            yield Row(f"Reference {payout.reference}", is_detail=True)
        elif payout.method == Payment.Method.STORE_CREDIT:
            yield Row(f"Code {payout.shown_reference}", is_detail=True)


def _paid_out(refund: Refund) -> list[Payout]:
    done = [each for each in refund.loaded_payouts if each.status == Payout.Status.DONE]
    return sorted(done, key=lambda payout: payout.pk)
