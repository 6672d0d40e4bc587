"""Slip of a cash movement: who put cash into the drawer or took it out, and why."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from orders.models import CashMovement, Shift
from orders.services.documents.document import Document, Row, format_money
from orders.services.documents.issuer import build_issuer, find_current_profile
from orders.services.documents.labels import mark
from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import atomic_with_retry, current_tenant

TYPE_LABELS = {
    CashMovement.Type.PAID_IN: mark("Paid in"),
    CashMovement.Type.PAID_OUT: mark("Paid out"),
    CashMovement.Type.DROP: mark("Drops"),
    CashMovement.Type.NO_SALE: mark("Opened without a sale"),
}
# A slip that is printed for the first time later does not open the drawer.
OPENS_DRAWER_FOR = timedelta(minutes=2)


def print_cash_movement_slip(movement: CashMovement, shift: Shift, *, by: User) -> Document:
    """Count a print and return the slip: the original once, then numbered copies."""
    return build_cash_movement_slip(movement, shift, copy=_count_print(movement, by))


@atomic_with_retry
def _count_print(movement: CashMovement, by: User) -> int:
    """Record the print, and return how many there were before; a movement never changes."""
    CashMovement.objects.select_for_update(no_key=True).get(pk=movement.pk)
    earlier = count_slip_prints(movement)
    audit.record("cash_slip_printed", actor=by, target=movement, copy=earlier)
    return earlier


def count_slip_prints(movement: CashMovement) -> int:
    return AuditEvent.objects.filter(event="cash_slip_printed", target=movement.pk).count()


def build_cash_movement_slip(movement: CashMovement, shift: Shift, *, copy: int = 0) -> Document:
    """Build the slip of a movement, in the store's time zone. A new original opens the drawer."""
    issuer = build_issuer(shift.store, find_current_profile(shift.store))
    labels = issuer.labels
    is_new = timezone.now() - movement.created_at < OPENS_DRAWER_FOR
    amount = Row(
        f"{labels('TOTAL')} {current_tenant().currency}",
        format_money(movement.amount),
        is_strong=True,
    )
    return Document(
        title=labels(TYPE_LABELS[CashMovement.Type(movement.type)]),
        file_name=f"cash-movement-{movement.type.replace('_', '-')}",
        kind=labels(TYPE_LABELS[CashMovement.Type(movement.type)]),
        copy=copy,
        **issuer.build_frame(opens_drawer=is_new and not copy),
        header_fields=(
            (labels("Register"), shift.register.name),
            (labels("Served by"), str(movement.by)),
            (labels("Reason"), movement.reason),
        ),
        issued_at=movement.created_at.astimezone(shift.store.clock),
        sections=((amount,),) if movement.amount else (),
        qr_text=str(movement.pk),
    )
