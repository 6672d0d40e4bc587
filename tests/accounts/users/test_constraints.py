"""Database constraints of users, tested without the services."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from tenants.scope import across_tenants
from tests.factories.accounts import PlatformUserFactory, UserFactory
from tests.support.users import snapshot_users


@pytest.mark.parametrize(
    "change",
    [
        {"role": "owner"},
        {"role": "Admin"},
        {"role": ""},
        {"is_superuser": True},
        {"tenant": None},
        {"username_key": "C1"},
    ],
    ids=str,
)
def test_database_rejects_invalid_role_or_rights_of_shop_users(change, cashier):
    before = snapshot_users()

    with pytest.raises(IntegrityError), across_tenants(), transaction.atomic():
        User.objects.filter(pk=cashier.pk).update(**change)
    assert snapshot_users() == before


@pytest.mark.parametrize("change", [{"role": "admin"}, {"is_superuser": False}], ids=str)
def test_database_rejects_a_role_for_platform_users(change, root):
    before = snapshot_users()

    with pytest.raises(IntegrityError), across_tenants(), transaction.atomic():
        User.objects.filter(pk=root.pk).update(**change)
    assert snapshot_users() == before


@pytest.mark.parametrize("username", ["c1", "C1"])
def test_database_rejects_duplicate_usernames_per_shop_and_platform(
    username, cashier, shop, foreign
):
    PlatformUserFactory(username="c1")
    before = snapshot_users()

    for who in ({"tenant": shop}, {"tenant": None, "role": "", "is_superuser": True}):
        with pytest.raises(IntegrityError), across_tenants(), transaction.atomic():
            UserFactory(username=username, **who)
    assert snapshot_users() == before


def test_database_rejects_duplicate_email_addresses_per_shop(cashier, shop, other_shop):
    UserFactory(tenant=other_shop, email=cashier.email)

    with pytest.raises(IntegrityError), across_tenants(), transaction.atomic():
        UserFactory(tenant=shop, email=cashier.email)


def test_user_ids_are_not_sequential(cashier, other_cashier):
    assert cashier.pk.version == other_cashier.pk.version == 7
    assert cashier.pk.int + 1 != other_cashier.pk.int
