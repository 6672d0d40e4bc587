"""Parking an order, taking it up again, and ending it without a sale."""

import uuid

from django.utils import timezone

from orders.models import Order
from orders.services.approvals import RequiredApproval
from orders.services.payments.capture import lock_order
from orders.services.sales.open_orders import OrderEdit
from tenants import audit
from tenants.events.outbox import publish
from tenants.exceptions import Invalid
from tenants.models import Register
from tenants.scope import atomic_with_retry


@atomic_with_retry
def hold_order(edit: OrderEdit) -> Order:
    """Put it aside; every till of the store may take it up again."""
    order = lock_order(edit.order)
    order.ensure_version(edit.expected_version)
    order.ensure_no_payment_in_progress()
    order.transition_to(Order.Status.HELD)
    order.save_changes("status")
    publish("order.held", about=order)
    return order


@atomic_with_retry
def resume_order(edit: OrderEdit, register_id: uuid.UUID | None = None) -> Order:
    """Take it up again, at this register where one is named: there it will be sold."""
    order = lock_order(edit.order)
    order.ensure_version(edit.expected_version)
    order.transition_to(Order.Status.OPEN)
    if register_id is not None:
        order.register = _find_register(order, register_id)
    order.save_changes("status", "register")
    publish("order.resumed", about=order)
    return order


def _find_register(order: Order, register_id: uuid.UUID) -> Register:
    registers = Register.objects.in_use().filter(store=order.store_id, pk=register_id)
    register = registers.first()
    if register is None:
        raise Invalid.field(
            "register",
            "There is no such register in use in the order's store.",
            code="does_not_exist",
        )
    return register


@atomic_with_retry
def void_order(reason: str, edit: OrderEdit) -> Order:
    """End it without a sale, for a reason that is kept."""
    order = lock_order(edit.order)
    order.ensure_version(edit.expected_version)
    if not order.may_be_voided_by(edit.by):
        RequiredApproval("void", order.pk).spent_by(edit)
    order.void(reason, timezone.now())
    order.save_changes("status", "void_reason", "voided_at")
    audit.record("order_voided", actor=edit.by, target=order, reason=reason)
    publish("order.voided", about=order, number=order.number, reason=reason)
    return order
