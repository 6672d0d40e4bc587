"""Refunds over HTTP and their consistency."""

from decimal import Decimal
from typing import Any

from orders.models import (
    Order,
    OrderLine,
    Payment,
    Payout,
    Product,
    Refund,
    StoreCredit,
    StoreCreditEntry,
)
from orders.models.columns import ExactSum
from orders.services.verification import verify_chains
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.shifts import snapshot_shift_rows
from tests.support.till import Body, Till, amount, ensure_books_balance, line, new_id

REFUND_MODELS = (OrderLine, Refund, Payout, StoreCredit, StoreCreditEntry)


def sell_with_uneven_discount(till: Till, product: Product, *payments: Body) -> Body:
    """Sell three at 3.33 with 0.97 off: 9.02, which is not divisible by three."""
    return till.sold(line(product, "3"), discounts=[amount("0.97")], payments=list(payments))


def request_refund(person: Any, order: Body, **body: Any) -> Any:
    headers = {name: body.pop(name) for name in ("Idempotency_Key",) if name in body}
    body = {"id": new_id(), "reason": "broken", **body}
    return person.post(f"orders/{order['id']}/refunds/", body, **headers)


def create_refund(person: Any, order: Body, **body: Any) -> Body:
    """Create a refund and assert that it succeeds."""
    response = request_refund(person, order, **body)
    assert response.status_code == 201, response.content
    answer: Body = response.json()
    return answer


def build_refund_lines(order: Body, quantity: object = "1", **more: Any) -> list[Body]:
    return [{"line": order["lines"][0]["id"], "quantity": quantity, **more}]


def resolve_refund(person: Any, refund: Body, **body: Any) -> Any:
    return person.post(f"refunds/{refund['id']}/resolve/", body or None)


def cancel_refund(person: Any, refund: Body, **headers: str) -> Any:
    return person.post(f"refunds/{refund['id']}/cancel/", None, **headers)


def get_store_credit_code(refund: Body) -> str:
    """Return the code of the store credit that this refund issued."""
    (issued,) = refund["store_credit_codes"]
    code: str = issued["code"]
    return code


def credit_payment(amount: str, code: str) -> Body:
    return {"id": new_id(), "method": "store_credit", "amount": amount, "reference": code}


def snapshot_refund_rows(shop: Tenant) -> dict[str, list[Any]]:
    """Return all rows that a refund writes, to check that a refusal changed nothing."""
    with tenant_scope(shop):
        rows = {
            model.__name__: list(model.objects.order_by("pk").values()) for model in REFUND_MODELS
        }
    return snapshot_shift_rows(shop) | rows


def ensure_refunds_consistent(shop: Tenant) -> None:
    """Assert that refunds do not exceed payments and that all totals agree."""
    with tenant_scope(shop):
        for order in Order.objects.with_details():
            ensure_order_refunds_consistent(order)
        for credit in StoreCredit.objects.annotate(sum=ExactSum("entries__amount")):
            assert credit.balance == credit.sum >= 0
        assert list(verify_chains()) == []
    ensure_books_balance(shop)


def ensure_order_refunds_consistent(order: Order) -> None:
    standing = [each for each in order.loaded_refunds if each.status != Refund.Status.FAILED]
    lines = [each for refund in standing for each in refund.loaded_lines]
    payouts = [each for refund in standing for each in refund.loaded_payouts]
    for sold in order.sold_lines:
        mine = [each for each in lines if each.line_id == sold.pk]
        assert (
            sold.refunded_quantity == sum_amounts(each.quantity for each in mine) <= sold.quantity
        )
        assert sold.refunded_total == sum_amounts(each.total for each in mine) <= sold.total
    for payment in order.loaded_payments:
        mine = [each.paid for each in payouts if each.payment_id == payment.pk]
        assert payment.refunded_total == sum_amounts(mine)
        assert payment.refunded_total <= max(payment.amount, Decimal(0))
    assert order.refunded_total == sum_amounts(each.paid for each in payouts)
    assert order.refunded_total <= order.paid_total + order.deposit_return_total
    returned = sum_amounts(line.total for line in order.loaded_lines if line.is_returned)
    assert order.deposit_return_total == -returned
    captured = [each for each in order.loaded_payments if each.status == Payment.Status.CAPTURED]
    assert order.paid_total == sum_amounts(each.amount for each in captured)


def sum_amounts(amounts: Any) -> Decimal:
    return sum(amounts, Decimal(0))
