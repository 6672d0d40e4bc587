"""Services for tenants, stores, registers and settings."""

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
    """Lock the tenant row, to serialize changes of users, stores and registers.

    FOR NO KEY UPDATE does not block sales, which only reference the row.
    """
    return Tenant.objects.select_for_update(no_key=True).get(pk=current_tenant_id())


@atomic_with_retry
def create_tenant(*, slug: str, name: str, currency: str, **settings: Any) -> Tenant:
    """Create a tenant. Raises SlugTaken."""
    tenant = Tenant(slug=slug, name=name, currency=currency, **settings)
    tenant.clean_fields()
    with unique_or(SlugTaken), transaction.atomic():
        tenant.save(force_insert=True)
    return tenant


@atomic_with_retry
def create_register(
    *, store: Store, name: str, is_active: bool = True, by: NamedRow | None = None
) -> Register:
    """Create a register with the next number of the tenant. Numbers are never reused.

    `by` is None for the command line and for sign-up.
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
    """Change the settings of the tenant. `limits` may hold only the limits to change.

    Raises CurrencyFixed for another currency after the first order, and VersionConflict.
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
    """Create or change a row without rules beyond its constraints, and audit it.

    With the `name` `store`, the audit event is `store_added` or `store_changed`.
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
    """Validate and save a row without rules beyond its constraints, and publish the change."""
    for field, value in values.items():
        setattr(row, field, value)
    row.full_clean()
    is_new = row._state.adding
    # The second validation names the field of a duplicate that was inserted meanwhile.
    with unique_or(row.full_clean), transaction.atomic():
        row.save() if is_new else row.save_changes(*values)
        publish_row(row, is_new=is_new)
    return row


@atomic_with_retry
def retry_delivery(delivery: OutboxDelivery, *, by: NamedRow) -> OutboxDelivery:
    """Reset a failed delivery, so that the relay retries it at once."""
    delivery = OutboxDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    delivery.retry()
    delivery.save_changes("status", "attempts", "next_attempt_at")
    audit.record("delivery_taken_up", actor=by, target=delivery)
    return delivery
