"""Payments that a crash or a silent gateway left behind: looked up until somebody knows."""

from datetime import timedelta
from functools import partial

import structlog
from django.db.models import F
from django.utils import timezone

from orders.exceptions import PaymentSettled, PaymentUnderway
from orders.models import Payment
from orders.services.paying import resolve_payment
from tenants.relay import Job, pause_after
from tenants.scope import across_tenants, tenant_context

log = structlog.get_logger("till.payments")

LONGEST_PAUSE = timedelta(hours=1)
# With the pauses in between these are about three days; from then on it is for a manager.
MOST_LOOK_UPS = 78
pause = partial(pause_after, longest=LONGEST_PAUSE)


class LeftBehindPayments(Job):
    """Looks payments up at the gateway, one at a time."""

    name = "left_behind_payments"
    every = 15.0

    def step(self) -> bool:
        """While the gateway answers, go on with the next one; else leave it alone for a while."""
        payment = self.next()
        if payment is None:
            return False
        with tenant_context(payment.tenant):
            return self.look_up(payment)

    def next(self) -> Payment | None:
        """The longest waiting one, for no other relay to ask for at this moment."""
        now = timezone.now()
        with across_tenants():
            waiting = Payment.objects.to_look_up(now, most=MOST_LOOK_UPS)
            payment = waiting.select_related("tenant", "order__cashier").first()
            if payment is None:
                return None
            unasked = Payment.objects.filter(pk=payment.pk, look_ups=payment.look_ups)
            at = now + pause(payment.look_ups + 1)
            mine = unasked.update(look_ups=F("look_ups") + 1, next_look_up_at=at)
        return payment if mine else self.next()

    def look_up(self, payment: Payment) -> bool:
        """Whether the gateway knew; in the name of who had rung the order up."""
        try:
            order = resolve_payment(payment, by=payment.order.cashier)
        except (PaymentSettled, PaymentUnderway):
            return True
        status = next(each.status for each in order.loaded_payments if each.pk == payment.pk)
        log.info("left_behind_looked_up", payment=str(payment.pk), status=status)
        if status != Payment.Status.UNKNOWN:
            return True
        if payment.look_ups + 1 >= MOST_LOOK_UPS:
            log.error("payment_stays_unknown", payment=str(payment.pk))
        return False
