"""Customers: save them, find them, and copy them to orders."""

import uuid
from typing import Any

from accounts.models import AuthSession, User
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.rate_limits.policies import buckets_for_customer_search
from orders.models import Customer, Order
from orders.models.customer import MIN_SEARCHED_DIGITS, CustomerQuerySet, normalize_phone
from orders.models.search_text import plain_words
from tenants import audit
from tenants.exceptions import Invalid
from tenants.scope import atomic_with_retry
from tenants.services import save_row

# What those who may not list customers have to enter of a name.
MIN_SEARCHED_LETTERS = 3
# Fields of an order that `copy_customer` sets.
CUSTOMER_FIELDS = ("customer_name", "customer_email", "customer_tax_number")
UNKNOWN_CUSTOMER = "There is no such customer."


@atomic_with_retry
def save_customer(
    customer: Customer, values: dict[str, Any], *, expected_version: int | None = None, by: User
) -> Customer:
    """Create or change a customer. Raises `CustomerIsErased` and `VersionConflict`.

    The audit event names the changed fields without their values, except for the group: it cannot
    be erased.
    """
    is_new = customer._state.adding
    group = customer.group_id
    if not is_new:
        customer = Customer.objects.locked().get(pk=customer.pk)
        customer.ensure_version(expected_version)
        customer.ensure_not_erased()
    changed = sorted(audit.changes(customer, values))
    save_row(customer, values)
    facts = {} if customer.group_id == group else {"group": str(customer.group or "")}
    if is_new:
        audit.record("customer_added", actor=by, target=customer, **facts)
    elif changed:
        audit.record("customer_changed", actor=by, target=customer, fields=changed, **facts)
    return customer


def search_customers(customers: CustomerQuerySet, text: str) -> CustomerQuerySet:
    """Filter by an e-mail address, a phone number, or words of the name."""
    if "@" in text:
        return customers.with_email(text)
    if _is_phone(text):
        return customers.with_phone(text)
    return customers.with_words(text)


def _is_phone(text: str) -> bool:
    is_number = all(sign.isdecimal() or sign in "+-/(). " for sign in text)
    return is_number and len(normalize_phone(text)) >= MIN_SEARCHED_DIGITS


def ensure_specific(text: str, field: str = "search") -> None:
    """Raise `Invalid` for a search that finds more than somebody whom the user has before them."""
    if "@" in text or _is_phone(text):
        return
    letters = [sum(map(str.isalpha, word)) for word in plain_words(text).split()]
    if max(letters, default=0) < MIN_SEARCHED_LETTERS:
        raise Invalid.field(
            field,
            f"Enter at least {MIN_SEARCHED_LETTERS} letters of the name, or the whole phone number "
            "or e-mail address.",
            code="too_short",
        )


def count_look_up(session: AuthSession) -> None:
    """Count a look-up by somebody who may not list customers. Raises `TooManyAttempts`."""
    count_attempt(buckets_for_customer_search(session))


def find_customer(id: uuid.UUID, field: str = "customer.id") -> Customer:
    """Return the customer of a new order. Raises `Invalid` and `CustomerIsErased`."""
    customer = Customer.objects.filter(pk=id).first()
    if customer is None:
        raise Invalid.field(field, UNKNOWN_CUSTOMER, code="does_not_exist")
    customer.ensure_not_erased()
    return customer


def copy_customer(order: Order) -> None:
    """Copy the current customer to an order that is created or completed; saves nothing.

    The lock makes an erasure wait, so that it finds this copy; a customer who was erased before
    leaves none.
    """
    if order.customer_id is None:
        return
    customer = Customer.objects.locked().get(pk=order.customer_id)
    order.set_customer(customer)
