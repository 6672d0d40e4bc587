"""What is done to a shop itself: its stores, its registers, its settings."""

from typing import Any

from django.db import transaction
from django.db.models import Max

from tenants import audit
from tenants.audit import NamedRow
from tenants.events.outbox import publish_row
from tenants.exceptions import CurrencyFixed, SlugTaken
from tenants.ids import unique_or
from tenants.models import OutboxDelivery, Register, Store, Tenant
from tenants.scope import atomic_with_retry, current_tenant_id


def lock_tenant() -> Tenant:
    """Let one at a time change who works here or what the shop consists of.

    Not the whole row: sales, which only refer to it, go on.
    """
    return Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())


@atomic_with_retry
def create_tenant(*, slug: str, name: str, currency: str, **settings: Any) -> Tenant:
    """Open the books of a new shop; the slug belongs to the first who asks."""
    tenant = Tenant(slug=slug, name=name, currency=currency, **settings)
    tenant.clean_fields()
    with unique_or(SlugTaken), transaction.atomic():
        tenant.save(force_insert=True)
    return tenant


@atomic_with_retry
def create_register(
    *, store: Store, name: str, is_active: bool = True, by: NamedRow | None = None
) -> Register:
    """Put a till into a store; its number is the next of the shop and never used again.

    `by` is None when the installation itself acts, from the command line or at sign-up.
    """
    lock_tenant()
    last = Register.objects.aggregate(last=Max("number"))["last"] or 0
    register = Register(store=store, name=name, number=last + 1, is_active=is_active)
    register.full_clean()
    register.save(force_insert=True)
    audit.record("register_added", actor=by, target=register, store=store)
    publish_row(register, is_new=True)
    return register


@atomic_with_retry
def change_settings(
    changes: dict[str, Any], *, expected_version: int | None, by: NamedRow
) -> Tenant:
    """Change how the shop works; the currency only before the first order.

    Of the limits only those that are named change.
    """
    tenant = lock_tenant()
    tenant.ensure_version(expected_version)
    if tenant.has_orders and changes.get("currency", tenant.currency) != tenant.currency:
        raise CurrencyFixed(currency=tenant.currency)
    if "limits" in changes:
        changes = changes | {"limits": tenant.merge_limits(changes["limits"])}
    changed = audit.changes(tenant, changes)
    if "limits" in changed:
        limits = changed["limits"]
        changed["limits"] = {each: tenant.quantize_limits(limits[each]) for each in limits}
    for name, value in changes.items():
        setattr(tenant, name, value)
    tenant.full_clean()
    tenant.save_changes(*changes)
    if changed:
        audit.record("settings_changed", actor=by, target=tenant, changes=changed)
    publish_row(tenant, is_new=False)
    return tenant


@atomic_with_retry
def save_audited_row(
    row: Any,
    values: dict[str, Any],
    *,
    expected_version: int | None = None,
    by: NamedRow,
    name: str,
) -> Any:
    """Add or change a plain row, whose only rule is that its constraints hold.

    It is written down as `store_added` or `store_changed`, where `name` is `store`.
    """
    is_new = row._state.adding
    if not is_new:
        row = type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)
        row.ensure_version(expected_version)
    facts = {} if is_new else {"changes": audit.changes(row, values)}
    save_row(row, values)
    if is_new or facts["changes"]:
        audit.record(f"{name}_{'added' if is_new else 'changed'}", actor=by, target=row, **facts)
    return row


def save_row(row: Any, values: dict[str, Any]) -> Any:
    """Save a plain row, checking also the constraints that name the tenant."""
    for field, value in values.items():
        setattr(row, field, value)
    row.full_clean()
    is_new = row._state.adding
    # Checked again, it names what somebody took between the check and the write.
    with unique_or(row.full_clean), transaction.atomic():
        row.save() if is_new else row.save_changes(*values)
        publish_row(row, is_new=is_new)
    return row


@atomic_with_retry
def try_again(delivery: OutboxDelivery, *, by: NamedRow) -> OutboxDelivery:
    """Take up a delivery that was given up; the relay tries it at once."""
    delivery = OutboxDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    delivery.revive()
    delivery.save_changes("status", "attempts", "next_attempt_at")
    audit.record("delivery_taken_up", actor=by, target=delivery)
    return delivery
