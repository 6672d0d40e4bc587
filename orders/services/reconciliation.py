"""Payment reconciliation: look up payments and payouts with an unknown outcome."""

from abc import abstractmethod
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

import structlog
from django.db.models import F
from django.utils import timezone

from orders.exceptions import PaymentSettled, PaymentUnderway, RefundUnderway
from orders.models import Order, Payment, Payout
from orders.services.payments.capture import look_up_payment, return_late_capture
from orders.services.refunds.payouts import look_up_payout
from tenants import audit
from tenants.events.delivery import Job, retry_delay
from tenants.scope import across_tenants, current_tenant, tenant_context

log = structlog.get_logger("till.payments")
Row = TypeVar("Row", Payment, Payout)

MAX_PAUSE = timedelta(hours=1)
# With the pauses in between about three days; after that a manager has to resolve it.
MAX_LOOK_UPS = 78
pause = partial(retry_delay, longest=MAX_PAUSE)


class GatewayReconciliation(Job, Generic[Row]):
    """Periodic job that looks rows up at the gateway, each in its own transactions."""

    every = 15.0
    noun: ClassVar[str]
    related: ClassVar[tuple[str, ...]]

    @abstractmethod
    def rows(self) -> Any:
        """Return all rows that the gateway may know."""

    def due(self, now: datetime) -> Any:
        """Return the rows that are due, the one that has waited longest first."""
        return self.rows().due_for_look_up(now, max_look_ups=MAX_LOOK_UPS)

    def is_open(self, row: Row) -> bool:
        """Return whether the gateway has not reported the outcome yet."""
        return row.is_in_progress and row.status != Payment.Status.PENDING

    @abstractmethod
    def look_up(self, row: Row) -> Row:
        """Look the row up at the gateway, store the outcome and return the updated row."""

    @abstractmethod
    def find_order(self, row: Row) -> Order:
        """Return the order that the money belongs to."""

    def step(self) -> bool:
        """Reconcile one row. Return whether to continue at once: the gateway has answered."""
        row = self.next()
        if row is None:
            return False
        with tenant_context(row.tenant):
            return self.reconcile(row)

    def next(self) -> Row | None:
        """Claim the row that has waited longest, so that no other worker looks it up."""
        now = timezone.now()
        with across_tenants():
            row: Row | None = self.due(now).select_related("tenant", *self.related).first()
            if row is None:
                return None
            unclaimed = self.rows().filter(tenant=row.tenant_id, pk=row.pk, look_ups=row.look_ups)
            at = now + pause(row.look_ups + 1)
            claimed = unclaimed.update(look_ups=F("look_ups") + 1, next_look_up_at=at)
        return row if claimed else self.next()

    def reconcile(self, row: Row) -> bool:
        """Return whether the gateway knew the outcome."""
        try:
            found = self.look_up(row)
        except (PaymentSettled, PaymentUnderway, RefundUnderway):
            return True
        facts = {self.noun: str(row.pk), "status": found.status}
        log.info("left_behind_looked_up", **facts)
        if not self.is_open(found):
            return True
        if row.look_ups + 1 >= MAX_LOOK_UPS:
            self.give_up(row)
        return False

    def give_up(self, row: Row) -> None:
        """Stop looking up, and report it in the audit log (managers) and the log (operators)."""
        event = f"{self.noun}_stays_unknown"
        amount = str(current_tenant().quantize_amount(row.amount))
        log.error(event, **{self.noun: str(row.pk)})
        facts: dict[str, Any] = {self.noun: str(row.pk), "amount": amount}
        audit.record(event, target=self.find_order(row), **facts)


class PaymentReconciliation(GatewayReconciliation[Payment]):
    """Reconciliation of payments, on behalf of the order's cashier."""

    name = "left_behind_payments"
    # Card readers without webhooks tell their outcome by look-ups only.
    every = 5.0
    noun = "payment"
    related = ("order__cashier",)

    def rows(self) -> Any:
        return Payment.objects.all()

    def look_up(self, row: Payment) -> Payment:
        order = look_up_payment(row, by=row.order.cashier)
        return next(each for each in order.loaded_payments if each.pk == row.pk)

    def find_order(self, row: Payment) -> Order:
        return row.order


class LateCaptureReturn(GatewayReconciliation[Payment]):
    """Return of money that was captured after its payment was declined or canceled."""

    name = "late_captures"
    noun = "late_capture"
    related = ("order",)

    def due(self, now: datetime) -> Any:
        waiting = Payment.objects.filter(
            late_capture=Payment.LateCapture.RETURNING,
            next_look_up_at__lte=now,
            look_ups__lt=MAX_LOOK_UPS,
        )
        return waiting.order_by("next_look_up_at", "pk")

    def rows(self) -> Any:
        return Payment.objects.all()

    def look_up(self, row: Payment) -> Payment:
        return return_late_capture(row)

    def is_open(self, row: Payment) -> bool:
        return row.late_capture == Payment.LateCapture.RETURNING

    def find_order(self, row: Payment) -> Order:
        return row.order


class PayoutReconciliation(GatewayReconciliation[Payout]):
    """Reconciliation of payouts, on behalf of who made the refund; cash waits for a user."""

    name = "left_behind_payouts"
    noun = "payout"
    related = ("refund__by", "refund__order")

    def rows(self) -> Any:
        return Payout.objects.all()

    def look_up(self, row: Payout) -> Payout:
        return look_up_payout(row, by=row.refund.by)

    def find_order(self, row: Payout) -> Order:
        return row.refund.order
