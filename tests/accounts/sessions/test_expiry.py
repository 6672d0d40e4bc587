"""Lifetime of sessions and tokens, and what ends them earlier."""

from datetime import timedelta

import pytest

from accounts.exceptions import InvalidCredentials
from accounts.models import AuthSession, User
from accounts.services.login import open_password_session
from accounts.services.sessions import ClientInfo
from tenants.scope import across_tenants, tenant_scope
from tests.support.api import Api
from tests.support.token_refresh import MORNING, assert_refresh_refused, is_accepted, refresh_token


@pytest.fixture
def till(clock, cashier, client_of):
    """Return a client of the cashier, logged in at eight in the morning."""
    return client_of(cashier)


def test_attack_068_idle_session_expires(till, anonymous, clock):
    clock.shift(timedelta(hours=8, seconds=1))

    assert assert_refresh_refused(anonymous, till.tokens.refresh)


def test_session_in_use_does_not_expire(till, anonymous, clock):
    clock.shift(timedelta(hours=7, minutes=59))
    answer = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(timedelta(hours=3))

    refresh_token(anonymous, answer["refresh"])


def test_attack_068_session_in_use_expires_after_twelve_hours(till, anonymous, clock):
    clock.shift(timedelta(hours=7))
    answer = refresh_token(anonymous, till.tokens.refresh)
    clock.move_to(MORNING + timedelta(hours=12) - timedelta(seconds=1))
    answer = refresh_token(anonymous, answer["refresh"])
    clock.shift(timedelta(seconds=2))

    assert assert_refresh_refused(anonymous, answer["refresh"])
    assert not is_accepted(answer["access"])


def test_access_token_expires_after_ten_minutes_plus_leeway(till, clock):
    clock.shift(timedelta(minutes=10, seconds=4))
    assert is_accepted(till.tokens.access)

    clock.shift(timedelta(seconds=2))
    assert not is_accepted(till.tokens.access)


def test_attack_060_token_from_a_clock_slightly_ahead_is_accepted(till, clock):
    clock.shift(timedelta(seconds=-4))
    assert is_accepted(till.tokens.access)

    clock.shift(timedelta(minutes=-5))
    assert not is_accepted(till.tokens.access)


def test_access_token_of_an_idle_session_is_rejected(till, clock):
    with across_tenants():
        AuthSession.objects.update(idle_expires_at=MORNING + timedelta(minutes=1))
    clock.shift(timedelta(minutes=1))

    assert not is_accepted(till.tokens.access)


def deactivate_user(user, shop):
    with across_tenants():
        User.objects.filter(pk=user.pk).update(is_active=False)


def suspend_shop(user, shop):
    shop.is_active = False
    shop.save()


def delete_user(user, shop):
    with across_tenants():
        user.delete()


@pytest.mark.parametrize(
    "event", [deactivate_user, suspend_shop, delete_user], ids=lambda event: event.__name__
)
def test_attack_049_059_tokens_of_deactivated_suspended_or_deleted_users_are_rejected(
    event, till, anonymous, cashier, shop
):
    event(cashier, shop)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)
    assert not is_accepted(till.tokens.access)


@pytest.mark.parametrize("event", [deactivate_user, suspend_shop], ids=lambda event: event.__name__)
def test_refresh_grace_does_not_apply_to_deactivated_or_suspended_users(
    event, till, anonymous, cashier, shop
):
    refresh_token(anonymous, till.tokens.refresh)
    event(cashier, shop)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)


def test_attack_050_next_tokens_have_the_current_role(till, anonymous, cashier):
    """Tokens contain no role, so a new role applies without a new log-in."""
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(role="manager")

    answer = refresh_token(anonymous, till.tokens.refresh)

    assert Api(answer["access"]).get("auth/me/").json()["role"] == "manager"
    assert Api(answer["access"]).get("users/").status_code == 200


def test_login_during_a_password_change_fails(cashier, shop):
    """The password was correct when it was checked and then changed."""
    with tenant_scope(shop):
        checked = User.objects.get(pk=cashier.pk)
        User.objects.filter(pk=cashier.pk).update(token_version=checked.token_version + 1)

        with pytest.raises(InvalidCredentials):
            open_password_session(checked, ClientInfo())

        assert not AuthSession.objects.filter(user=cashier).exists()
