"""Slip of a cash movement: who put cash into the drawer or took it out, and why."""

from datetime import timedelta

from django.utils import timezone

from orders.models import CashMovement, Shift
from orders.services.documents.document import Document, Row, format_money
from orders.services.documents.issuer import build_issuer, find_current_profile
from orders.services.documents.labels import mark
from tenants.scope import current_tenant

TYPE_LABELS = {
    CashMovement.Type.PAID_IN: mark("Paid in"),
    CashMovement.Type.PAID_OUT: mark("Paid out"),
    CashMovement.Type.DROP: mark("Drops"),
    CashMovement.Type.NO_SALE: mark("Opened without a sale"),
}
# Prints of slips are not counted, so a later one is a copy: it does not open the drawer.
OPENS_DRAWER_FOR = timedelta(minutes=2)


def build_cash_movement_slip(movement: CashMovement, shift: Shift) -> Document:
    """Build the slip of a movement, in the store's time zone. A new one opens the drawer."""
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
        **issuer.build_frame(opens_drawer=is_new),
        header_fields=(
            (labels("Register"), shift.register.name),
            (labels("Served by"), str(movement.by)),
            (labels("Reason"), movement.reason),
        ),
        issued_at=movement.created_at.astimezone(shift.store.clock),
        sections=((amount,),) if movement.amount else (),
        qr_text=str(movement.pk),
    )
