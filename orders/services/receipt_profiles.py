"""Save receipt profiles: each change is a new version."""

import hashlib
import uuid
from typing import Any

from accounts.models import User
from orders.exceptions import ReceiptProfileChanged
from orders.models import ReceiptProfile
from orders.services.completion.hash_chain import compute_profile_hash
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.models import Store
from tenants.scope import atomic_with_retry


@atomic_with_retry
def save_profile(
    values: dict[str, Any],
    *,
    replaces: uuid.UUID | None = None,
    keep_logo: bool = False,
    by: User,
) -> ReceiptProfile:
    """Create the next version of the receipt profile of a store.

    With `keep_logo` it has the logo of the version before. Raises `ReceiptProfileChanged` if
    `replaces` is given and is not the current version.
    """
    # FOR NO KEY UPDATE does not block sales, which only reference the row.
    store = Store.objects.select_for_update(no_key=True).get(pk=values["store"].pk)
    current = ReceiptProfile.objects.filter(store=store).order_by("version").last()
    if replaces is not None and replaces != store.receipt_profile:
        raise ReceiptProfileChanged(current=str(current.pk) if current else None)
    profile = ReceiptProfile(**values, version=current.version + 1 if current else 1)
    if keep_logo and current:
        profile.logo = current.logo
    profile.logo_hash = hashlib.sha256(profile.logo).hexdigest() if profile.logo else ""
    profile.hash = compute_profile_hash(profile)
    profile.full_clean()
    profile.save(force_insert=True)
    # Read by each sale with the store, which therefore needs no query for its profile.
    Store.objects.filter(pk=store.pk).update(
        receipt_profile=profile.pk, receipt_profile_hash=profile.hash
    )
    audit.record(
        "receipt_profile_saved",
        actor=by,
        target=profile,
        store=store.name,
        version=profile.version,
        hash=profile.hash,
    )
    publish_row(profile, is_new=True)
    return profile
