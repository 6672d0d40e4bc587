"""Assignment of users to stores."""

from collections.abc import Collection

from accounts.models import AuthSession, Posting, User
from tenants.models import Store


def assign_stores(user: User, stores: Collection[Store]) -> bool:
    """Assign a user to these stores only; an empty list means all stores.

    Ends the user's PIN sessions in other stores. Runs in the caller's transaction. Return
    whether anything changed.
    """
    wanted = {store.pk for store in stores}
    own = Posting.objects.filter(user=user)
    assigned = set(own.values_list("store_id", flat=True))
    if wanted == assigned:
        return False
    own.exclude(store__in=wanted).delete()
    Posting.objects.bulk_create(
        [Posting(user=user, store_id=store) for store in sorted(wanted - assigned)]
    )
    if wanted:
        sessions = AuthSession.objects.opened_by_pin().filter(user=user).exclude(store__in=wanted)
        sessions.end(AuthSession.EndReason.BY_STAFF)
    return True
