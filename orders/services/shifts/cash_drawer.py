"""Cash drawer of a shift: open it, move cash, end it."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from orders.exceptions import DrawerShort, NoOpenShift, ShiftAlreadyOpen
from orders.models import CashMovement, Order, Payment, Refund, RegisterSeries, Shift
from orders.services.approvals import RequestContext, RequiredApproval
from orders.services.completion.complete import mark_tenant_has_orders
from orders.services.money_limits import LimitPeriod, authorize
from orders.services.registers import get_register, unknown_register_error
from orders.services.shifts.report import compute_expected_cash
from tenants import audit, idempotency
from tenants.events.outbox import publish, publish_all
from tenants.exceptions import IdConflict, NotPermitted
from tenants.ids import ensure_same_content, unique_or
from tenants.models import Register
from tenants.scope import atomic_with_retry, current_tenant

CASH_OUT_TYPES = {CashMovement.Type.PAID_OUT, CashMovement.Type.DROP}


@dataclass(frozen=True, slots=True)
class NewShift:
    """Request to open a shift. The float defaults to the last count of this register."""

    id: uuid.UUID
    register: uuid.UUID
    fingerprint: str
    opening_float: Decimal | None = None


@dataclass(frozen=True, slots=True)
class NewCashMovement:
    """Request to move cash. `at` is the register at which the user is logged in, if any."""

    id: uuid.UUID
    type: str
    amount: Decimal
    reason: str
    fingerprint: str
    at: uuid.UUID | None = None
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    expected_version: int | None = None


@atomic_with_retry
def open_shift(new: NewShift, *, by: User) -> tuple[Shift, bool]:
    """Open a shift at a register. Return the shift and whether it is new.

    The first shift fixes the tenant's currency, as the first order does: the float is money.
    Raises `ShiftAlreadyOpen`, `IdConflict`.
    """
    register = get_register(new.register, by, in_use=False)
    mark_tenant_has_orders()
    series = RegisterSeries.objects.increment(register)
    known = Shift.objects.filter(pk=new.id).first()
    if known is not None:
        ensure_same_content(known, new)
        return known, False
    if not register.is_in_use:
        raise unknown_register_error()
    if series.shift is not None:
        raise ShiftAlreadyOpen(shift=str(series.shift), register=register.name)
    return _open(new, register, by), True


def _open(new: NewShift, register: Register, by: User) -> Shift:
    suggested_float = load_suggested_float(register)
    shift = Shift(
        id=new.id,
        register=register,
        store=register.store,
        opening_float=suggested_float if new.opening_float is None else new.opening_float,
        opened_by=by,
        fingerprint=new.fingerprint,
    )
    with unique_or(IdConflict), transaction.atomic():
        shift.save(force_insert=True)
    RegisterSeries.objects.filter(register=register).update(shift=shift)
    _attach_waiting_sales(shift)
    _attach_waiting_reversals(shift)
    amounts = {
        "opening_float": str(current_tenant().quantize_amount(shift.opening_float)),
        "last_counted": str(suggested_float),
    }
    publish("shift.opened", about=shift, register=str(register.pk))
    audit.record("shift_opened", actor=by, target=shift, register=register.name, **amounts)
    return shift


def _attach_waiting_sales(shift: Shift) -> None:
    """Assign offline sales that arrived while no shift was open here to this shift."""
    waiting = Order.objects.without_shift(shift.register)
    orders = list(waiting.only("version", "store").select_for_update(no_key=True))
    if not orders:
        return
    Payment.objects.filter(order__in=waiting.values("pk")).update(shift=shift)
    waiting.update(shift=shift, version=F("version") + 1, updated_at=timezone.now())
    for order in orders:
        order.version += 1
    publish_all("order.updated", orders)


def _attach_waiting_reversals(shift: Shift) -> None:
    """Book refunds that failed while no shift was open here in this shift."""
    waiting = Refund.objects.awaiting_shift(shift.register)
    failed = list(waiting.values_list("pk", flat=True))
    if failed:
        Refund.objects.filter(replaces__in=failed).update(shift=shift)
        Refund.objects.filter(pk__in=failed).update(reversed_in=shift)


def load_suggested_float(register: Register) -> Decimal:
    """Return the suggested opening float: the cash counted at the close of the last shift."""
    closed = Shift.objects.filter(register=register, status=Shift.Status.CLOSED)
    last = closed.order_by("-z_number").values_list("counted_cash", flat=True).first()
    return current_tenant().quantize_amount(last or Decimal(0))


def find_cash_movement(shift: Shift, movement_id: uuid.UUID, by: User) -> CashMovement:
    """Return a movement of a shift, for who recorded it, who opened the shift, and managers.

    Raises `DoesNotExist` for others, because movements reveal the expected cash.
    """
    movements = CashMovement.objects.select_related("by").filter(shift=shift)
    if not may_run(shift, by):
        movements = movements.filter(by=by)
    return movements.get(pk=movement_id)


def move_cash(shift_id: uuid.UUID, new: NewCashMovement, *, by: User) -> tuple[CashMovement, bool]:
    """Record a pay-in, pay-out, drop or no-sale. Return the movement and whether it is new.

    Raises `DrawerShort` for more than the expected cash, and audits the attempt: repeated
    attempts would reveal the expected amount of a blind count.
    """
    try:
        return _move_cash(shift_id, new, by)
    except DrawerShort:
        _record_drawer_short(shift_id, new, by)
        raise


@atomic_with_retry
def _record_drawer_short(shift_id: uuid.UUID, new: NewCashMovement, by: User) -> None:
    shift, amount = Shift.objects.get(pk=shift_id), current_tenant().quantize_amount(new.amount)
    audit.record("drawer_short", actor=by, target=shift, type=new.type, amount=str(amount))


@atomic_with_retry
def _move_cash(shift_id: uuid.UUID, new: NewCashMovement, by: User) -> tuple[CashMovement, bool]:
    shift = lock_shift(shift_id, by)
    known = CashMovement.objects.filter(pk=new.id).first()
    if known is not None:
        if known.shift_id != shift.pk:
            raise IdConflict
        ensure_same_content(known, new)
        return known, False
    shift.ensure_version(new.expected_version)
    if new.at != shift.register_id:
        ensure_may_run(shift, by)
    shift.ensure_not_status(Shift.Status.CLOSED)
    approved_by = _authorize_cash_out(new, shift, by)
    if new.type in CASH_OUT_TYPES and new.amount > compute_expected_cash(shift):
        raise DrawerShort
    movement = CashMovement(
        id=new.id,
        shift=shift,
        type=new.type,
        amount=new.amount,
        reason=new.reason,
        by=by,
        approved_by=approved_by,
        fingerprint=new.fingerprint,
    )
    idempotency.save_key()
    with unique_or(IdConflict), transaction.atomic():
        movement.save(force_insert=True)
    amount = str(current_tenant().quantize_amount(new.amount))
    audit.record(f"cash_{new.type}", actor=by, target=shift, amount=amount, reason=new.reason)
    publish("shift.cash_moved", about=shift, cash_movement=str(movement.pk))
    return movement, True


def _authorize_cash_out(new: NewCashMovement, shift: Shift, by: User) -> User | None:
    """Return who approved taking out the amount, or None if it is within the user's limit."""
    if new.type not in CASH_OUT_TYPES:
        return None
    required = RequiredApproval(new.type, shift.pk, new.amount, kind="shift")
    return authorize(
        required, RequestContext(by, new.approval, new.terminal), LimitPeriod(shift=shift.pk)
    )


@atomic_with_retry
def end_shift(shift_id: uuid.UUID, *, expected_version: int | None = None, by: User) -> Shift:
    """End a shift: the register sells no more in it, and its cash can be counted."""
    shift = lock_shift(shift_id, by)
    shift.ensure_version(expected_version)
    ensure_may_run(shift, by)
    shift.ensure_status(Shift.Status.OPEN)
    mark_ended(shift, by)
    shift.save_changes("status", "ended_by", "ended_at")
    publish("shift.ended", about=shift, register=str(shift.register_id))
    return shift


def mark_ended(shift: Shift, by: User) -> None:
    """Set the shift to ended and detach it from its register; the caller saves the shift."""
    shift.status, shift.ended_by, shift.ended_at = Shift.Status.ENDED, by, timezone.now()
    RegisterSeries.objects.filter(register=shift.register_id, shift=shift).update(shift=None)
    audit.record("shift_ended", actor=by, target=shift)


def lock_shift(shift_id: uuid.UUID, by: User) -> Shift:
    """Lock the register of a shift that the user may see, then load the shift.

    So it is as the last sale left it. Raises `Shift.DoesNotExist`.
    """
    shifts = Shift.objects.visible_to(by).select_related("register", "store")
    RegisterSeries.objects.increment(shifts.get(pk=shift_id).register)
    return shifts.get(pk=shift_id)


def may_run(shift: Shift, by: User) -> bool:
    """Return whether the user opened the shift or may run those of others."""
    return by.may_run_shifts_of_others() or shift.opened_by_id == by.pk


def ensure_may_run(shift: Shift, by: User) -> None:
    """Raise `NotPermitted` unless the user opened the shift or may run those of others."""
    if not may_run(shift, by):
        raise NotPermitted


def find_shift_for_return(payment: Payment, register: Register) -> uuid.UUID | None:
    """Return the shift that pays back a canceled payment at this register, or None.

    It is the open shift; without one, the shift that took the payment if it is not closed yet.
    """
    shift = RegisterSeries.objects.increment(register).shift
    if shift is not None:
        return shift
    if payment.method == Payment.Method.CASH and current_tenant().shifts_required:
        raise NoOpenShift(register=register.name)
    original = payment.shift
    is_there = original is not None and original.register_id == register.pk
    return original.pk if original and is_there and original.status != Shift.Status.CLOSED else None
