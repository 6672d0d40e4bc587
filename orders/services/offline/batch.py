"""Upload of a batch of offline sales; items are independent, and repeating is harmless."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import structlog
from django.db import DataError, IntegrityError
from django.db.models.functions import Greatest

from accounts.models import User
from orders.exceptions import IdReused, SaleNotBooked, SequenceJump
from orders.models import Order, RegisterSeries
from orders.models.receipt import MAX_SEQUENCE_JUMP
from orders.services.completion.complete import flag_device_sequence
from orders.services.offline.booking import book_sale
from orders.services.offline.sale import Malformed, OfflineSale
from orders.services.registers import get_register
from tenants import audit, idempotency
from tenants.events.outbox import publish
from tenants.exceptions import DomainError, FieldError, Invalid
from tenants.ids import unique_or
from tenants.models import Register
from tenants.scope import atomic_with_retry

log = structlog.get_logger("till.offline")
# Caused by the content of one sale. Others, such as a lost connection, fail the whole request,
# which the till repeats.
UNFORESEEN = (DataError, IntegrityError, ArithmeticError, LookupError, TypeError, ValueError)


class Outcome(StrEnum):
    CREATED = "created"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(slots=True)
class ItemResult:
    """The result of one item, with its order if there is one."""

    id: uuid.UUID | None
    status: Outcome
    order: Order | None = None
    code: str = ""
    errors: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Upload:
    """A batch of sales from one register. `last_sequence` is the last number that the till has
    assigned; missing numbers below it are reported as gaps."""

    register: uuid.UUID
    batch: Sequence[OfflineSale | Malformed]
    last_sequence: int = 0
    # Where wrong codes of store credits are counted.
    place: str | None = None


def upload_sales(upload: Upload, *, by: User) -> list[ItemResult]:
    """Book the new sales of a batch. Return the result of each item, in the order of the batch.

    The idempotency key is reserved first, so that concurrent requests book nothing else under it.
    If the response is lost, repeating the request finds the booked sales by their ids.
    """
    # A deactivated register is accepted: its sales have happened.
    register = get_register(upload.register, by, in_use=False)
    _ensure_no_jump(register, upload.last_sequence)
    with idempotency.reserve_key():
        return _book_batch(upload, register, by)


def _book_batch(upload: Upload, register: Register, by: User) -> list[ItemResult]:
    people = _load_cashiers(upload.batch, by)
    known = _load_existing_orders([item.id for item in upload.batch if item.id], by)
    results = []
    for item in upload.batch:
        result = _process_item(item, register, people, known, by, upload.place)
        if result.order is not None:
            known[result.order.pk] = result.order
        results.append(result)
    _load_duplicates(results)
    _record_upload(register, upload, results, by)
    return results


def _ensure_no_jump(register: Register, last_sequence: int) -> None:
    """Raise `SequenceJump` for a last number far beyond the highest that was received."""
    if last_sequence <= MAX_SEQUENCE_JUMP:
        return
    held = RegisterSeries.objects.held_device_sequence(register)
    if last_sequence > held + MAX_SEQUENCE_JUMP:
        raise SequenceJump(last_sequence=last_sequence, held=held, max_jump=MAX_SEQUENCE_JUMP)


def _load_cashiers(batch: Sequence[OfflineSale | Malformed], by: User) -> dict[uuid.UUID, User]:
    """Load the cashiers by id, including inactive ones."""
    named = {item.cashier for item in batch if isinstance(item, OfflineSale) and item.cashier}
    people = User.objects.get_queryset().people().filter(pk__in=named - {by.pk})
    return {person.pk: person for person in people.select_related("tenant")} | {by.pk: by}


def _load_existing_orders(ids: Sequence[uuid.UUID], by: User) -> dict[uuid.UUID, Order]:
    orders = Order.objects.visible_to(by).filter(pk__in=ids)
    return {
        order.pk: order
        for order in orders.only(
            *("fingerprint", "device_sequence", "sold_at"),
            *("receipt_number", "paid_total", "register"),
        )
    }


def _process_item(
    item: OfflineSale | Malformed,
    register: Register,
    people: dict[uuid.UUID, User],
    known: dict[uuid.UUID, Order],
    by: User,
    place: str | None,
) -> ItemResult:
    if isinstance(item, Malformed):
        return ItemResult(item.id, Outcome.REJECTED, code=Invalid.code, errors=item.errors)
    try:
        if item.id in known:
            return _resolve_duplicate(item, register, known[item.id])
        return _book_item(item, register, people, by, place)
    except DomainError as error:
        return ItemResult(item.id, Outcome.REJECTED, code=error.code, errors=error.errors)
    except UNFORESEEN:
        log.exception("offline_sale_not_booked", sale=str(item.id))
        return ItemResult(item.id, Outcome.REJECTED, code=SaleNotBooked.code)


def _book_item(
    item: OfflineSale,
    register: Register,
    people: dict[uuid.UUID, User],
    by: User,
    place: str | None,
) -> ItemResult:
    cashier = people.get(item.cashier or by.pk)
    if cashier is None:
        raise Invalid.field("cashier", "User not found.", code="does_not_exist")

    def book() -> ItemResult:
        with unique_or(IdReused):
            order = book_sale(item, register, cashier, by=by, place=place)
        return ItemResult(item.id, Outcome.CREATED, order)

    try:
        return book()
    except IdReused:
        # A concurrent request booked the sale, used its external ID, or one of its ids belongs to
        # something else.
        if order := _load_existing_orders([item.id], by).get(item.id):
            return _resolve_duplicate(item, register, order)
        if not Order.objects.has_external_id(item.external_id, item.id):
            raise
        # Now it is found to be taken.
        return book()


def _resolve_duplicate(item: OfflineSale, register: Register, order: Order) -> ItemResult:
    if order.fingerprint != item.fingerprint:
        is_here = order.register_id == register.pk
        if not (is_here and item.is_same_sale_as(order, list(order.lines.all()))):
            raise IdReused
        if order.device_sequence is None:
            _set_device_sequence(item, register)
    return ItemResult(item.id, Outcome.DUPLICATE, order)


@atomic_with_retry
def _set_device_sequence(item: OfflineSale, register: Register) -> None:
    """Assign the till's number to a sale that was already made online."""
    numbers = RegisterSeries.objects.increment(register, device=item.device_sequence)
    order = Order.objects.select_for_update().get(pk=item.id)
    if order.device_sequence is not None:
        return
    order.device_sequence = item.device_sequence
    flag_device_sequence(order, numbers)
    order.save_changes("device_sequence", "sequence_taken", "flags")
    publish("order.updated", about=order)


def _load_duplicates(results: Sequence[ItemResult]) -> None:
    """Load the orders of all duplicates in a fixed number of statements."""
    duplicates = [each for each in results if each.status == Outcome.DUPLICATE]
    if not duplicates:
        return
    ids = [each.id for each in duplicates]
    orders = Order.objects.with_details().in_bulk(ids)
    for each in duplicates:
        each.order = orders[each.id]


@atomic_with_retry
def _record_upload(
    register: Register, upload: Upload, results: Sequence[ItemResult], by: User
) -> None:
    """Audit the upload and store the highest number of the till."""
    numbers = RegisterSeries.objects.increment(register)
    device_numbers = [
        item.device_sequence for item in upload.batch if isinstance(item, OfflineSale)
    ]
    accepted_numbers = [number for number in device_numbers if not numbers.is_jump(number)]
    last = max([upload.last_sequence, *accepted_numbers], default=0)
    RegisterSeries.objects.filter(register=register).update(
        last_device_sequence=Greatest("last_device_sequence", last)
    )
    counts = {outcome.value: sum(each.status == outcome for each in results) for outcome in Outcome}
    audit.record("sales_uploaded", actor=by, target=register, last_sequence=last, **counts)
