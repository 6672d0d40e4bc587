"""Erasure of a customer's personal data, with every copy of it. The books stay."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from orders.models import Customer, Order, Payment, Refund, StoreCredit, StoreCreditEntry
from tenants import audit
from tenants.events.outbox import publish, publish_all
from tenants.exceptions import Invalid
from tenants.models import IdempotencyKey, OutboxEvent
from tenants.scope import atomic_with_retry

CHUNK = 1000
RECEIPT_MAIL = "receipt.email"
# Of customers in responses.
PERSONAL_FIELDS = frozenset(
    {"name", "email", "phone", "tax_number", "note", "external_id", "metadata"}
)

EMPTY_VALUES: dict[str, Any] = {"external_id": None, "metadata": {}}


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What copies are found by: the ids of the customer and their orders, names and address."""

    customer: uuid.UUID
    email: str = ""
    names: frozenset[str] = frozenset()
    orders: frozenset[uuid.UUID] = frozenset()

    def is_address(self, text: object) -> bool:
        """Return whether the text is the e-mail address, in any case."""
        return bool(self.email) and isinstance(text, str) and text.lower() == self.email.lower()

    def has_order(self, id: object) -> bool:
        return isinstance(id, str) and id in {str(each) for each in self.orders}


@atomic_with_retry
def erase_customer(
    customer_id: uuid.UUID, *, name: str, expected_version: int | None = None, by: User
) -> Customer:
    """Replace all personal data of a customer and its copies. `name` confirms who is meant.

    Raises `Invalid` for another name, `CustomerIsErased` and `VersionConflict`.
    """
    # Before the customer, in the order in which an order is completed.
    _lock_open_orders(customer_id)
    customer = Customer.objects.locked().get(pk=customer_id)
    customer.ensure_version(expected_version)
    customer.ensure_not_erased()
    if name != customer.name:
        detail = "This is not the name of the customer. Enter it exactly to confirm."
        raise Invalid.field("name", detail, code="name_differs")
    email, known_as = customer.email, customer.name
    customer.erase(timezone.now())
    customer.save_changes(
        "erased_at",
        *("name", "email", "phone", "tax_number", "note", "external_id", "metadata"),
    )
    orders = _list_orders(customer, email)
    data = PersonalData(
        customer=customer.pk,
        email=email,
        names=frozenset({known_as, *orders.values()} - {""}),
        orders=frozenset(orders),
    )
    _erase_orders(orders)
    _erase_store_credits(data)
    _erase_receipt_mails(data)
    _erase_answers(_find_answers(data), data)
    audit.record("customer_erased", actor=by, target=customer, orders=len(orders))
    publish("customer.erased", about=customer)
    return customer


def _lock_open_orders(customer_id: uuid.UUID) -> None:
    open_orders = Order.objects.filter(customer=customer_id, receipt_number=None).order_by("pk")
    list(open_orders.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))


def _list_orders(customer: Customer, email: str) -> dict[uuid.UUID, str]:
    """Return the names on the orders of the customer, and on those with the same e-mail address
    that name no customer, by the ids of the orders."""
    same = Q(customer=customer)
    if email:
        same |= Q(customer=None, customer_email__iexact=email)
    return dict(Order.objects.filter(same).order_by("pk").values_list("pk", "customer_name"))


def _erase_orders(orders: Iterable[uuid.UUID]) -> None:
    """Erase the copies, which are not in the hash chain, and announce the changes."""
    for ids in _split(orders):
        rows = Order.objects.filter(pk__in=ids)
        rows.update(
            customer_name="",
            customer_email="",
            customer_tax_number="",
            version=F("version") + 1,
            updated_at=timezone.now(),
        )
        publish_all("order.updated", rows.only("pk", "tenant", "version", "store").order_by("pk"))


def _erase_store_credits(data: PersonalData) -> None:
    """Erase the name on store credits that the customer got for an order, or paid with."""
    for ids in _split(data.orders):
        refunds = list(Refund.objects.filter(order__in=ids).values_list("pk", flat=True))
        payments = list(Payment.objects.filter(order__in=ids).values_list("pk", flat=True))
        entries = StoreCreditEntry.objects.filter(Q(refund__in=refunds) | Q(payment__in=payments))
        StoreCredit.objects.filter(
            pk__in=list(entries.values_list("credit", flat=True)), customer_name__in=data.names
        ).update(customer_name="", version=F("version") + 1, updated_at=timezone.now())


def _erase_receipt_mails(data: PersonalData) -> None:
    """Erase the addresses of receipts by e-mail. Those that wait are not sent any more."""
    for event in OutboxEvent.objects.filter(topic=RECEIPT_MAIL).iterator(chunk_size=CHUNK):
        sent = event.data
        if data.has_order(sent.get("order")) or data.is_address(sent.get("email")):
            event.data = {**sent, "email": ""}
            event.save(update_fields=["data"])


# --- answers of idempotent requests -----------------------------------------------------------


def _find_answers(data: PersonalData) -> Any:
    """Return the stored answers that may contain personal data of the customer."""
    suspects = Q(body__contains=str(data.customer)) | Q(path__endswith="/receipt/email/")
    suspects |= Q(path__endswith="/store-credits/")
    if data.email:
        suspects |= Q(body__icontains=data.email)
    return IdempotencyKey.objects.filter(suspects, status__isnull=False)


def _erase_answers(answers: Any, data: PersonalData) -> None:
    for answer in answers.iterator(chunk_size=CHUNK):
        body = json.loads(answer.body) if answer.body else None
        if redact(body, data):
            answer.body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            answer.save(update_fields=["body", "updated_at"])


def redact(value: Any, data: PersonalData) -> bool:
    """Erase personal data in a JSON value; return whether there was any."""
    if isinstance(value, list):
        # Of all items, not only up to the first one with personal data.
        return bool(sum(redact(each, data) for each in value))
    if not isinstance(value, dict):
        return False
    fields = _list_personal_fields(value, data) & value.keys()
    erased = {name: EMPTY_VALUES.get(name, "") for name in fields}
    is_changed = any(value[name] for name in erased)
    value.update(erased)
    return bool(sum([is_changed, *(redact(each, data) for each in value.values())]))


def _list_personal_fields(value: dict[str, Any], data: PersonalData) -> frozenset[str]:
    """Return the fields of a JSON object that are personal data of the customer."""
    if value.get("id") == str(data.customer) or data.is_address(value.get("email")):
        return PERSONAL_FIELDS
    if data.has_order(value.get("order")):
        return frozenset({"email"})
    return frozenset({"customer_name"}) if value.get("customer_name") in data.names else frozenset()


def list_customers(value: Any) -> Iterator[str]:
    """Yield the ids of the customers in a response with orders."""
    if isinstance(value, list):
        for each in value:
            yield from list_customers(each)
    elif isinstance(value, dict):
        customer = value.get("customer")
        if isinstance(customer, dict) and customer.get("id"):
            yield customer["id"]
        for each in value.values():
            yield from list_customers(each)


@atomic_with_retry
def erase_late_answer(answer: IdempotencyKey, customers: Collection[str]) -> None:
    """Erase an answer that was saved after one of its customers was erased.

    The lock waits for an erasure that does not see the answer; a later one sees it.
    """
    locked = list(Customer.objects.locked().filter(pk__in=customers).order_by("pk"))
    saved = IdempotencyKey.objects.filter(pk=answer.pk, status__isnull=False)
    for customer in locked:
        if customer.is_erased:
            _erase_answers(saved, PersonalData(customer.pk))


def _split(ids: Iterable[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    """Yield the ids in chunks."""
    listed = list(ids)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]
