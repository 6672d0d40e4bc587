"""Lock unknown addresses out for a month after a hundred failures in a row."""

from contextlib import suppress
from datetime import timedelta
from io import StringIO
from itertools import count

import pytest
import structlog
from django.contrib.auth.management.commands import changepassword
from django.core.management import call_command

from accounts.exceptions import InvalidCredentials, TooManyAttempts
from accounts.services.login_attempts import PLATFORM, rate_limited_log_in
from accounts.services.users import reset_password
from tenants.scope import tenant_scope
from tests.factories.accounts import PASSWORD, AuthSessionFactory
from tests.factories.tenants import TenantFactory
from tests.support.api import Api
from tests.support.audit import get_audit_event, list_audit_events
from tests.support.users import LOG_IN, build_credentials

HOME = "192.0.2.7"
MONTH = 30 * 24 * 3600
NEW = "twelve green bottles"

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("cashier")]


@pytest.fixture(autouse=True)
def trust_proxy(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


@pytest.fixture
def guess_from_new_addresses(clock):
    """Return a function that guesses from a new address each time, as soon as the waits allow."""
    addresses = (f"198.51.{number // 250}.{number % 250}" for number in count(1))

    def guess(number, **changes):
        for _ in range(number):
            clock.shift(900)
            attempt(next(addresses), password="wrong", **changes)

    return guess


def attempt(at="203.0.113.9", **changes):
    return Api().post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


@pytest.mark.slow
def test_after_a_hundred_failures_unknown_addresses_wait_a_month(
    guess_from_new_addresses, clock, problem
):
    guess_from_new_addresses(99)
    clock.shift(900)
    assert attempt("203.0.113.1").status_code == 200
    guess_from_new_addresses(100)
    clock.shift(900)

    response = attempt()

    problem(response, 429, "too_many_attempts")
    assert MONTH - 101 * 900 <= int(response["Retry-After"]) <= MONTH


@pytest.mark.slow
def test_monthly_lockout_is_recorded_once_with_its_end(guess_from_new_addresses, clock):
    guess_from_new_addresses(103)

    (found,) = (each for each in list_audit_events("too_many_attempts") if is_monthly_lockout(each))
    assert found.facts["waits_until"] == "2026-04-01T08:15:00Z"


def is_monthly_lockout(found):
    return found.facts["limit"] == "log_in_hundred"


@pytest.mark.slow
def test_monthly_lockout_ends_after_thirty_days(guess_from_new_addresses, clock):
    guess_from_new_addresses(100)
    clock.shift(timedelta(days=30))

    assert attempt().status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("nobody", [{"username": "nobody"}, {"tenant": "no-such-shop"}])
def test_unknown_users_are_locked_out_like_known_ones(nobody, guess_from_new_addresses, clock):
    guess_from_new_addresses(100, **nobody)
    clock.shift(900)
    theirs = attempt(**nobody)
    clock.shift(-900 - 100 * 900)
    guess_from_new_addresses(100)
    clock.shift(900)
    ours = attempt()

    assert (theirs.status_code, ours.status_code) == (429, 429)
    assert theirs["Retry-After"] == ours["Retry-After"]


@pytest.mark.slow
def test_login_from_a_known_address_is_not_locked_and_ends_the_lockout(
    guess_from_new_addresses, cashier, clock
):
    AuthSessionFactory(user=cashier, ip=HOME)
    guess_from_new_addresses(100)
    clock.shift(900)
    assert attempt().status_code == 429

    assert attempt(HOME).status_code == 200
    assert attempt().status_code == 200


@pytest.mark.slow
def test_password_reset_ends_the_lockout(
    guess_from_new_addresses, cashier, manager, clock, django_capture_on_commit_callbacks
):
    guess_from_new_addresses(100)
    with django_capture_on_commit_callbacks(execute=True), tenant_scope(cashier.tenant):
        password = reset_password(user_id=cashier.pk, by=manager)

    assert attempt(password=password).status_code == 200


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_password_reset_by_the_api_ends_the_lockout(
    guess_from_new_addresses, cashier, manager, clock, client_of
):
    guess_from_new_addresses(100)
    clock.shift(900)
    answer = client_of(manager).post(f"users/{cashier.pk}/reset-password/").json()

    assert attempt(password=answer["temporary_password"]).status_code == 200


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_refused_password_reset_keeps_the_lockout(
    guess_from_new_addresses, cashier, other_cashier, clock, client_of
):
    guess_from_new_addresses(100)
    clock.shift(900)
    client_of(other_cashier).post(f"users/{cashier.pk}/reset-password/")

    assert attempt().status_code == 429


@pytest.mark.slow
def test_same_username_in_another_shop_is_not_locked_out(guess_from_new_addresses, clock):
    TenantFactory(slug="blue")
    guess_from_new_addresses(100)
    clock.shift(900)

    assert attempt(tenant="blue", username="c1").status_code == 401


# --- platform users ----------------------------------------------------------------------------


def log_in_to_platform(at, password=PASSWORD):
    """Return whether the log-in succeeds; raise if it must wait."""
    structlog.contextvars.bind_contextvars(ip=at)
    with (
        suppress(InvalidCredentials),
        rate_limited_log_in(None, tenant=PLATFORM, username="root", ip=at) as tried,
    ):
        tried.authenticate(password)
        tried.record_event("log_in_ok")
        return True
    return False


@pytest.fixture
def guessed_platform_user(root, clock):
    """Log in the platform user from home, then guess from unknown addresses."""
    assert log_in_to_platform(HOME)
    for number in range(100):
        clock.shift(900)
        assert not log_in_to_platform(f"198.51.100.{number}", "wrong")
    clock.shift(900)
    yield
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("guessed_platform_user")
def test_platform_lockout_exempts_known_addresses():
    with pytest.raises(TooManyAttempts):
        log_in_to_platform("203.0.113.9")

    assert log_in_to_platform(HOME)
    assert log_in_to_platform("203.0.113.9")


@pytest.mark.usefixtures("guessed_platform_user")
def test_changepassword_command_ends_the_platform_lockout(monkeypatch, root):
    monkeypatch.setattr(changepassword.getpass, "getpass", lambda *args, **kwargs: NEW)

    call_command("changepassword", "root", stdout=StringIO())

    assert log_in_to_platform("203.0.113.9", NEW)
    assert get_audit_event("password_reset").target == root.pk
    assert get_audit_event("password_reset").tenant is None
