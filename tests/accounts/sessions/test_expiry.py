"""How long a log-in lasts, and what ends it before."""

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
    """The cashier's log-in of this morning."""
    return client_of(cashier)


def test_attack_068_a_session_that_nobody_uses_ends(till, anonymous, clock):
    clock.shift(timedelta(hours=8, seconds=1))

    assert assert_refresh_refused(anonymous, till.tokens.refresh)


def test_a_session_that_is_used_goes_on(till, anonymous, clock):
    clock.shift(timedelta(hours=7, minutes=59))
    answer = refresh_token(anonymous, till.tokens.refresh)
    clock.shift(timedelta(hours=3))

    refresh_token(anonymous, answer["refresh"])


def test_attack_068_no_session_lasts_longer_than_a_shift_however_it_is_used(till, anonymous, clock):
    clock.shift(timedelta(hours=7))
    answer = refresh_token(anonymous, till.tokens.refresh)
    clock.move_to(MORNING + timedelta(hours=12) - timedelta(seconds=1))
    answer = refresh_token(anonymous, answer["refresh"])
    clock.shift(timedelta(seconds=2))

    assert assert_refresh_refused(anonymous, answer["refresh"])
    assert not is_accepted(answer["access"])


def test_an_access_token_lasts_ten_minutes_and_the_seconds_that_clocks_differ(till, clock):
    clock.shift(timedelta(minutes=10, seconds=4))
    assert is_accepted(till.tokens.access)

    clock.shift(timedelta(seconds=2))
    assert not is_accepted(till.tokens.access)


def test_attack_060_a_token_from_a_clock_that_is_some_seconds_ahead_is_good(till, clock):
    clock.shift(timedelta(seconds=-4))
    assert is_accepted(till.tokens.access)

    clock.shift(timedelta(minutes=-5))
    assert not is_accepted(till.tokens.access)


def test_an_idle_session_is_dead_for_its_access_token_too(till, clock):
    with across_tenants():
        AuthSession.objects.update(idle_expires_at=MORNING + timedelta(minutes=1))
    clock.shift(timedelta(minutes=1))

    assert not is_accepted(till.tokens.access)


def sack(user, shop):
    with across_tenants():
        User.objects.filter(pk=user.pk).update(is_active=False)


def suspend(user, shop):
    shop.is_active = False
    shop.save()


def delete(user, shop):
    with across_tenants():
        user.delete()


@pytest.mark.parametrize("event", [sack, suspend, delete], ids=lambda event: event.__name__)
def test_attack_049_059_who_is_gone_gets_nothing_more(event, till, anonymous, cashier, shop):
    event(cashier, shop)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)
    assert not is_accepted(till.tokens.access)


@pytest.mark.parametrize("event", [sack, suspend], ids=lambda event: event.__name__)
def test_the_grace_is_not_for_who_is_gone(event, till, anonymous, cashier, shop):
    refresh_token(anonymous, till.tokens.refresh)
    event(cashier, shop)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)


def test_attack_050_the_next_pair_knows_what_the_person_is_now(till, anonymous, cashier):
    """Rights are in no token: a promotion needs no new log-in to be seen, nor a demotion."""
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(role="manager")

    answer = refresh_token(anonymous, till.tokens.refresh)

    assert Api(answer["access"]).get("auth/me/").json()["role"] == "manager"
    assert Api(answer["access"]).get("users/").status_code == 200


def test_a_log_in_that_overlaps_a_change_of_password_opens_nothing(cashier, shop):
    """The password was right when it was checked, and is not any more."""
    with tenant_scope(shop):
        checked = User.objects.get(pk=cashier.pk)
        User.objects.filter(pk=cashier.pk).update(token_version=checked.token_version + 1)

        with pytest.raises(InvalidCredentials):
            open_password_session(checked, ClientInfo())

        assert not AuthSession.objects.filter(user=cashier).exists()
