"""The audit log in words: who did what with which thing, and its details."""

import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.admin.tables import admin_url_for
from accounts.admin_site.site import shop_site
from tenants.audit import HASH_PREFIX
from tenants.models import AuditEvent


class Kind(models.TextChoices):
    """What events are about, for the filter."""

    LOG_INS = "log-ins", "Log-ins and passwords"
    PEOPLE = "people", "People and approvals"
    SALES = "sales", "Sales and refunds"
    PAYMENTS = "payments", "Payments"
    CASH = "cash", "Shifts and cash"
    STOCK = "stock", "Stock"
    CATALOG = "catalog", "Products and prices"
    CUSTOMERS = "customers", "Customers and store credits"
    SETTINGS = "settings", "Settings and devices"
    SYSTEMS = "systems", "Other systems"


def _added_and_changed(kind: Kind, **things: str) -> dict[str, tuple[Kind, str]]:
    return {
        f"{name}_{done}": (kind, f"{done} the {words} {{thing}}")
        for name, words in things.items()
        for done in ("added", "changed")
    }


# What somebody did, after the name; `{thing}` is the name of the object.
EVENTS: Mapping[str, tuple[Kind, str]] = {
    "log_in_ok": (Kind.LOG_INS, "logged in"),
    "log_in_failed": (Kind.LOG_INS, "could not log in"),
    "log_out": (Kind.LOG_INS, "logged out"),
    "log_out_everywhere": (Kind.LOG_INS, "logged out on all devices"),
    "pin_log_in": (Kind.LOG_INS, "logged in with a PIN"),
    "pin_failed": (Kind.LOG_INS, "entered a wrong PIN"),
    "reauth_ok": (Kind.LOG_INS, "confirmed the password"),
    "reauth_failed": (Kind.LOG_INS, "entered a wrong password"),
    "too_many_attempts": (Kind.LOG_INS, "was locked out after too many attempts"),
    "password_changed": (Kind.LOG_INS, "changed the own password"),
    "password_change_failed": (Kind.LOG_INS, "entered a wrong current password"),
    "password_reset": (Kind.LOG_INS, "set a temporary password for {thing}"),
    "session_ended": (Kind.LOG_INS, "ended a session of {thing}"),
    "sessions_ended": (Kind.LOG_INS, "ended all sessions of {thing}"),
    "session_switched": (Kind.LOG_INS, "continued at another register {thing}"),
    "refresh_reuse": (Kind.LOG_INS, "lost a session, because its token was used twice"),
    "token_mismatch": (Kind.LOG_INS, "was refused with a token of another device"),
    "tenant_mismatch": (Kind.LOG_INS, "was refused at the address of another shop"),
    "permission_denied": (Kind.LOG_INS, "tried what the role does not allow"),
    "user_created": (Kind.PEOPLE, "added {thing}"),
    "user_edited": (Kind.PEOPLE, "changed the profile of {thing}"),
    "user_activated": (Kind.PEOPLE, "activated {thing}"),
    "user_deactivated": (Kind.PEOPLE, "deactivated {thing}"),
    "role_changed": (Kind.PEOPLE, "changed the role of {thing}"),
    "pin_set": (Kind.PEOPLE, "set the PIN of {thing}"),
    "pin_removed": (Kind.PEOPLE, "removed the PIN of {thing}"),
    "approval_requested": (Kind.PEOPLE, "asked for an approval: {thing}"),
    "approval_given": (Kind.PEOPLE, "approved {thing}"),
    "approval_denied": (Kind.PEOPLE, "refused to approve {thing}"),
    "approval_failed": (Kind.PEOPLE, "could not approve {thing}"),
    "approval_used": (Kind.PEOPLE, "used the approval {thing}"),
    "order_voided": (Kind.SALES, "voided the order {thing}"),
    "order_reference_changed": (Kind.SALES, "changed the reference of the order {thing}"),
    "line_removed": (Kind.SALES, "removed a line of the order {thing}"),
    "discount_given": (Kind.SALES, "gave a discount on the order {thing}"),
    "price_overridden": (Kind.SALES, "changed a price in the order {thing}"),
    "refunded": (Kind.SALES, "refunded the order {thing}"),
    "refund_canceled": (Kind.SALES, "canceled a refund of the order {thing}"),
    "refund_failed_after_done": (Kind.SALES, "learned that a refund of {thing} failed afterwards"),
    "refund_paid_otherwise": (Kind.SALES, "paid a failed refund of {thing} in another way"),
    "receipt_copied": (Kind.SALES, "printed a copy of the receipt of {thing}"),
    "sales_uploaded": (Kind.SALES, "uploaded offline sales of {thing}"),
    "offline_sale_booked": (Kind.SALES, "booked the offline sale {thing}"),
    "device_sequence_set": (Kind.SALES, "set the offline numbers of {thing}"),
    "payment_canceled": (Kind.PAYMENTS, "canceled a payment of the order {thing}"),
    "payment_stays_unknown": (Kind.PAYMENTS, "found no outcome of a payment of {thing}"),
    "payout_stays_unknown": (Kind.PAYMENTS, "found no outcome of a card refund of {thing}"),
    "captured_after_declined": (Kind.PAYMENTS, "found a declined payment of {thing} charged"),
    "paid_out_after_declined": (Kind.PAYMENTS, "found a declined refund of {thing} paid out"),
    "late_capture_returned": (Kind.PAYMENTS, "returned a late charge for {thing}"),
    "late_capture_not_returned": (Kind.PAYMENTS, "could not return a late charge for {thing}"),
    "late_capture_stays_unknown": (Kind.PAYMENTS, "found no outcome of a late charge for {thing}"),
    "shift_opened": (Kind.CASH, "opened the {thing}"),
    "shift_ended": (Kind.CASH, "ended the {thing}"),
    "shift_closed": (Kind.CASH, "closed the {thing}"),
    "shift_count_refused": (Kind.CASH, "counted too large a difference in the {thing}"),
    "drawer_short": (Kind.CASH, "took more cash than the drawer holds: {thing}"),
    "cash_paid_in": (Kind.CASH, "paid cash in: {thing}"),
    "cash_paid_out": (Kind.CASH, "paid cash out: {thing}"),
    "cash_drop": (Kind.CASH, "moved cash to the safe: {thing}"),
    "cash_no_sale": (Kind.CASH, "opened the drawer without a sale: {thing}"),
    "cash_slip_printed": (Kind.CASH, "printed a cash slip: {thing}"),
    "stock_received": (Kind.STOCK, "received {thing}"),
    "stock_adjusted": (Kind.STOCK, "adjusted the stock of {thing}"),
    "stock_wasted": (Kind.STOCK, "wrote off {thing}"),
    "stock_counted": (Kind.STOCK, "counted {thing}"),
    "stock_transferred": (Kind.STOCK, "moved {thing} to another store"),
    "reorder_point_changed": (Kind.STOCK, "changed the reorder point of {thing}"),
    "stock_transfer_created": (Kind.STOCK, "started the stock transfer {thing}"),
    "stock_transfer_changed": (Kind.STOCK, "changed the stock transfer {thing}"),
    "stock_transfer_sent": (Kind.STOCK, "sent the stock transfer {thing}"),
    "stock_transfer_received": (Kind.STOCK, "received the stock transfer {thing}"),
    "stock_transfer_canceled": (Kind.STOCK, "canceled the stock transfer {thing}"),
    "stock_count_started": (Kind.STOCK, "started the stock count {thing}"),
    "stock_count_changed": (Kind.STOCK, "changed the stock count {thing}"),
    "stock_count_closed": (Kind.STOCK, "closed the stock count {thing}"),
    "stock_count_canceled": (Kind.STOCK, "canceled the stock count {thing}"),
    **_added_and_changed(
        Kind.CATALOG,
        product="product",
        category="category",
        tax_class="tax class",
        price="price",
        price_list="price list",
        modifier_list="modifier list",
        barcode_rule="barcode rule",
    ),
    "products_imported": (Kind.CATALOG, "imported a file of products"),
    **_added_and_changed(Kind.CUSTOMERS, customer="customer", customer_group="customer group"),
    "customer_erased": (Kind.CUSTOMERS, "erased the data of the customer {thing}"),
    "store_credit_issued": (Kind.CUSTOMERS, "issued the store credit {thing}"),
    "store_credit_blocked": (Kind.CUSTOMERS, "blocked the store credit {thing}"),
    "store_credit_unblocked": (Kind.CUSTOMERS, "unblocked the store credit {thing}"),
    "store_credit_code_failed": (Kind.CUSTOMERS, "entered a wrong code of a store credit"),
    **_added_and_changed(
        Kind.SETTINGS,
        store="store",
        register="register",
        bookkeeping_profile="bookkeeping profile",
        card_reader="card reader",
        payment_provider="payment provider",
    ),
    "settings_changed": (Kind.SETTINGS, "changed the settings of {thing}"),
    "receipt_profile_saved": (Kind.SETTINGS, "changed the receipts of {thing}"),
    "terminal_paired": (Kind.SETTINGS, "paired a device with {thing}"),
    "terminal_unpaired": (Kind.SETTINGS, "unpaired the device of {thing}"),
    "pairing_code_made": (Kind.SETTINGS, "made a pairing code for {thing}"),
    "pairing_code_failed": (Kind.SETTINGS, "entered a wrong pairing code"),
    "tenant_created": (Kind.SETTINGS, "opened the shop {thing}"),
    "tenant_suspended": (Kind.SETTINGS, "suspended the shop {thing}"),
    "tenant_restored": (Kind.SETTINGS, "restored the shop {thing}"),
    "fiscal_texts_written": (Kind.SYSTEMS, "wrote the fiscal texts of {thing}"),
    "service_key_added": (Kind.SYSTEMS, "added the service key {thing}"),
    "service_key_revoked": (Kind.SYSTEMS, "revoked the service key {thing}"),
    "webhook_added": (Kind.SYSTEMS, "added the webhook {thing}"),
    "webhook_changed": (Kind.SYSTEMS, "changed the webhook {thing}"),
    "webhook_removed": (Kind.SYSTEMS, "removed the webhook {thing}"),
    "webhook_disabled": (Kind.SYSTEMS, "switched off the webhook {thing}"),
    "webhook_tested": (Kind.SYSTEMS, "tested the webhook {thing}"),
    "webhook_redelivered": (Kind.SYSTEMS, "sent an event to {thing} again"),
    "webhook_secret_rotated": (Kind.SYSTEMS, "replaced the secret of the webhook {thing}"),
    "delivery_taken_up": (Kind.SYSTEMS, "resumed the delivery of events to {thing}"),
}
TIME_FORMAT = "%Y-%m-%d %H:%M"
SHIFT_NAME = re.compile(r"Shift of (\d{4}-\d\d-\d\d \d\d:\d\d)")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*")


def list_events(kind: str) -> list[str]:
    return [name for name, (its_kind, _) in EVENTS.items() if its_kind == kind]


def name_actor(event: AuditEvent) -> str:
    if event.actor is None and event.actor_name.startswith(HASH_PREFIX):
        return "Unknown user"
    return event.actor_name or "System"


def split_sentence(event: AuditEvent) -> tuple[str, str, str]:
    """Return what the actor did before the thing, the thing, and what follows it."""
    _, words = EVENTS.get(event.event, (None, f"{event.event.replace('_', ' ')} {{thing}}"))
    before, _, after = words.partition("{thing}")
    # A person who acts on itself, such as at a log-in, is named once.
    thing = name_thing(event) if "{thing}" in words else ""
    return before if thing else before.rstrip(" :"), thing, after


def name_thing(event: AuditEvent) -> str:
    """Return the stored name; that of a shift has its time in UTC."""
    found = SHIFT_NAME.fullmatch(event.target_name) if event.target_type == "shift" else None
    if found is None:
        return event.target_name
    at = datetime.strptime(found[1], TIME_FORMAT).replace(tzinfo=UTC)
    return f"shift of {timezone.localtime(at).strftime(TIME_FORMAT)}"


def build_sentence(event: AuditEvent) -> str:
    return " ".join(f"{name_actor(event)} {''.join(split_sentence(event))}".split())


def find_thing_url(event: AuditEvent) -> str:
    """Return the page of the thing, or nothing if it has none.

    A person has two, by the role: the events of the person are listed instead.
    """
    if event.target is None:
        return ""
    for model in shop_site._registry:
        if model.__name__.lower() == event.target_type:
            return admin_url_for(model, event.target)
    return f"?thing={event.target}"


def list_details(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the facts in words, without ids: the reader cannot look these up."""
    for name, fact in facts.items():
        if name == "changes" and isinstance(fact, dict):
            for field, change in fact.items():
                yield f"{to_words(field)}: {show(change.get('from'))} → {show(change.get('to'))}"
        elif (shown := show(fact)) and not is_id(fact):
            yield f"{to_words(name)}: {shown}"


def to_words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def show(fact: Any) -> str:
    if fact is None or fact == "":
        return "none"
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, list):
        return ", ".join(show(each) for each in fact if not is_id(each))
    if isinstance(fact, dict):
        return ", ".join(f"{to_words(name)}: {show(value)}" for name, value in fact.items())
    if isinstance(fact, str) and UTC_TIME.fullmatch(fact) and (at := parse_time(fact)):
        return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
    return str(fact)


def parse_time(text: str) -> datetime | None:
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at and at.tzinfo else None


def is_id(fact: Any) -> bool:
    try:
        uuid.UUID(fact)
    except (ValueError, TypeError, AttributeError):
        return False
    return True
