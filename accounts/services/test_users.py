"""Test users for development."""

import re
from itertools import count

from accounts.models import Role, User
from accounts.models.user import UserQuerySet, normalize_username
from accounts.services.users import create_user
from tenants.scope import atomic_with_retry
from tenants.services import lock_tenant


@atomic_with_retry
def create_test_user(
    *,
    role: Role,
    prefix: str,
    domain: str,
    email: str = "",
    display_name: str = "",
    password: str | None = None,
) -> tuple[User, str | None]:
    """Create the next of `test1`, `test2` ... whose username and e-mail address are unused.

    Return it and its new password, if none was given. Concurrent calls wait for the lock on the
    tenant.
    """
    lock_tenant()
    prefix = normalize_username(prefix)
    number = find_free_number(prefix, domain)
    return create_user(
        username=f"{prefix}{number}",
        email=email or f"{prefix}{number}@{domain}",
        role=role,
        display_name=display_name,
        password=password,
        must_change_password=False,
        by=None,
    )


def find_by_email(email: str) -> User | None:
    """Return the user with this e-mail address, in any case; None for an empty one."""
    return User.objects.get_queryset().filter(email__iexact=email).first() if email else None


def find_free_number(prefix: str, domain: str) -> int:
    people = User.objects.get_queryset()
    taken = parse_numbers(
        people.filter(username_key__startswith=prefix.casefold()), "username", prefix
    )
    taken |= parse_numbers(people.filter(email__istartswith=prefix), "email", prefix, f"@{domain}")
    return next(number for number in count(1) if number not in taken)


def parse_numbers(people: UserQuerySet, field: str, prefix: str, suffix: str = "") -> set[int]:
    """Return the numbers after the prefix: 7 for `test7`, none for `tester7` or `test07`."""
    pattern = re.compile(rf"{re.escape(prefix)}([1-9][0-9]*){re.escape(suffix)}", re.IGNORECASE)
    found = (pattern.fullmatch(text) for text in people.values_list(field, flat=True))
    return {int(match[1]) for match in found if match}
