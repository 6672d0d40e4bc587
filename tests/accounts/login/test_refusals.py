"""Refused log-ins: every reason gives the same answer and costs the same."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.models import User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD, PlatformUserFactory, UserFactory
from tests.factories.tenants import TenantFactory
from tests.support.users import LOG_IN, build_credentials, count_sessions


@pytest.fixture(autouse=True)
def _existing_user(cashier):
    """Create the user c1 in the shop green."""


def wrong_password(shop, cashier):
    return build_credentials(password="not the password")


def unknown_user(shop, cashier):
    return build_credentials(username="nobody")


def unknown_tenant(shop, cashier):
    return build_credentials(tenant="no-such-shop")


def unknown_tenant_id(shop, cashier):
    return build_credentials(tenant=str(cashier.pk))


def inactive_user(shop, cashier):
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(is_active=False)
    return build_credentials()


def inactive_tenant(shop, cashier):
    shop.is_active = False
    shop.save()
    return build_credentials()


def unusable_password(shop, cashier):
    cashier.set_unusable_password()
    cashier.save()
    return build_credentials()


def empty_hash(shop, cashier):
    cashier.password = ""
    cashier.save()
    return build_credentials()


def platform_user(shop, cashier):
    PlatformUserFactory(username="root")
    return build_credentials(username="root")


def platform_user_of_no_shop(shop, cashier):
    PlatformUserFactory(username="root")
    return build_credentials(tenant="no-such-shop", username="root")


def same_name_elsewhere(shop, cashier):
    other = TenantFactory(slug="blue")
    UserFactory(tenant=other, username="c1", password="another long password")
    return build_credentials(password="another long password")


def in_other_case(shop, cashier):
    return build_credentials(password=PASSWORD.upper())


FAILURES = [
    wrong_password,
    unknown_user,
    unknown_tenant,
    unknown_tenant_id,
    inactive_user,
    inactive_tenant,
    unusable_password,
    empty_hash,
    platform_user,
    platform_user_of_no_shop,
    same_name_elsewhere,
    in_other_case,
]
each_failure = pytest.mark.parametrize("why", FAILURES, ids=lambda why: why.__name__)


@each_failure
def test_attack_002_003_006_033_every_failure_has_an_identical_response(
    why, anonymous, problem, shop, cashier
):
    expected = anonymous.post(LOG_IN, wrong_password(shop, cashier), X_Request_ID="same")
    body = why(shop, cashier)

    response = anonymous.post(LOG_IN, body, X_Request_ID="same")

    problem(response, 401, "invalid_credentials")
    assert response.content == expected.content
    assert dict(response.headers) == dict(expected.headers)
    assert count_sessions() == 0


class CountedHasher(MD5PasswordHasher):
    hashed = 0

    def encode(self, password, salt):
        type(self).hashed += 1
        return super().encode(password, salt)


@each_failure
def test_attack_003_every_failure_costs_one_hash(
    why, anonymous, settings, monkeypatch, shop, cashier
):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountedHasher"]
    body = why(shop, cashier)
    monkeypatch.setattr(CountedHasher, "hashed", 0)

    anonymous.post(LOG_IN, body)

    assert CountedHasher.hashed == 1


def test_attack_033_platform_user_without_a_tenant_is_rejected(anonymous, problem):
    PlatformUserFactory(username="root")

    problem(
        anonymous.post(LOG_IN, build_credentials(tenant=None, username="root")),
        400,
        "tenant_required",
    )


def test_attack_002_same_credentials_in_two_shops_are_different_users(anonymous, cashier, foreign):
    ours = anonymous.post(LOG_IN, build_credentials()).json()["user"]
    theirs = anonymous.post(LOG_IN, build_credentials(tenant="leakmark-b-slug")).json()["user"]

    assert (ours["id"], theirs["id"]) == (str(cashier.pk), str(foreign.cashier.pk))
