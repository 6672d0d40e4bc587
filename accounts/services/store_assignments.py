"""Who works in which store."""

from collections.abc import Collection

from accounts.models import AuthSession, Posting, User
from tenants.models import Store


def assign_stores(user: User, stores: Collection[Store]) -> bool:
    """From now on this person works in these stores alone, or in all of them if none is named.

    In the transaction of whatever changes the person. At the tills of a store that is no longer
    theirs they are out at once. Returns whether anything has changed by it.
    """
    wanted = {store.pk for store in stores}
    own = Posting.objects.filter(user=user)
    there = set(own.values_list("store_id", flat=True))
    if wanted == there:
        return False
    own.exclude(store__in=wanted).delete()
    Posting.objects.bulk_create(
        [Posting(user=user, store_id=store) for store in sorted(wanted - there)]
    )
    if wanted:
        sessions = AuthSession.objects.opened_by_pin().filter(user=user).exclude(store__in=wanted)
        sessions.end(AuthSession.EndReason.BY_STAFF)
    return True
