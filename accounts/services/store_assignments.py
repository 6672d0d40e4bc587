"""Assignment of users to stores."""

from collections.abc import Collection, Iterable
from typing import Any

from accounts.models import AuthSession, Posting, User
from tenants.exceptions import NotPermitted
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


def filter_stores(stores: Any, user: User) -> Any:
    """Filter a queryset of stores by those in which the user works."""
    assigned = _find_assigned_stores(user)
    return stores.filter(pk__in=assigned) if assigned else stores


def ensure_works_in(stores: Iterable[Store], user: User) -> None:
    """Raise `NotPermitted` unless the user works in all of these stores."""
    assigned = _find_assigned_stores(user)
    if assigned and any(store.pk not in assigned for store in stores):
        raise NotPermitted


def ensure_works_in_all_stores(user: User) -> None:
    """Raise `NotPermitted` for a user who is limited to some stores."""
    if is_limited_to_stores(user):
        raise NotPermitted


def is_limited_to_stores(user: User) -> bool:
    return bool(_find_assigned_stores(user))


def ensure_stores_are_within(stores: Collection[str], user: User) -> None:
    """Raise `NotPermitted` unless the user works in all stores with these ids; none means all."""
    assigned = {str(store) for store in _find_assigned_stores(user)}
    if assigned and not (stores and assigned.issuperset(stores)):
        raise NotPermitted


def _find_assigned_stores(user: User) -> set[Any]:
    """Return the ids of the stores that the user is limited to; none means all stores."""
    if user.works_in_all_stores:
        return set()
    return set(Posting.objects.filter(user=user).values_list("store_id", flat=True))
