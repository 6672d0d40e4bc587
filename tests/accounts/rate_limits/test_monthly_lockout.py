"""A hundred failures of strangers in a row: then they wait out the month, and nobody else does."""

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
def strangers(clock):
    """Each guess from another address, as soon as the waits between guesses allow it."""
    addresses = (f"198.51.{number // 250}.{number % 250}" for number in count(1))

    def guess(number, **changes):
        for _ in range(number):
            clock.shift(900)
            attempt(next(addresses), password="wrong", **changes)

    return guess


def attempt(at="203.0.113.9", **changes):
    return Api().post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


def test_after_a_hundred_the_right_password_of_a_stranger_waits_too(strangers, clock, problem):
    strangers(99)
    clock.shift(900)
    assert attempt("203.0.113.1").status_code == 200
    strangers(100)
    clock.shift(900)

    response = attempt()

    problem(response, 429, "too_many_attempts")
    assert MONTH - 101 * 900 <= int(response["Retry-After"]) <= MONTH


def test_it_is_written_down_once_with_its_end(strangers, clock):
    strangers(103)

    (found,) = (each for each in list_audit_events("too_many_attempts") if is_the_hundred(each))
    assert found.facts["waits_until"] == "2026-04-01T08:15:00Z"


def is_the_hundred(found):
    return found.facts["limit"] == "log_in_hundred"


def test_it_is_never_for_good(strangers, clock):
    strangers(100)
    clock.shift(timedelta(days=30))

    assert attempt().status_code == 200


@pytest.mark.parametrize("nobody", [{"username": "nobody"}, {"tenant": "no-such-shop"}])
def test_names_that_nobody_has_wait_alike(nobody, strangers, clock):
    strangers(100, **nobody)
    clock.shift(900)
    theirs = attempt(**nobody)
    clock.shift(-900 - 100 * 900)
    strangers(100)
    clock.shift(900)
    ours = attempt()

    assert (theirs.status_code, ours.status_code) == (429, 429)
    assert theirs["Retry-After"] == ours["Retry-After"]


def test_at_ones_own_till_there_is_no_such_wait_and_coming_in_ends_it(strangers, cashier, clock):
    AuthSessionFactory(user=cashier, ip=HOME)
    strangers(100)
    clock.shift(900)
    assert attempt().status_code == 429

    assert attempt(HOME).status_code == 200
    assert attempt().status_code == 200


def test_a_manager_ends_it_with_a_new_password(
    strangers, cashier, manager, clock, django_capture_on_commit_callbacks
):
    strangers(100)
    with django_capture_on_commit_callbacks(execute=True), tenant_scope(cashier.tenant):
        password = reset_password(user=cashier, by=manager)

    assert attempt(password=password).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_so_does_the_call_of_the_api(strangers, cashier, manager, clock, client_of):
    strangers(100)
    clock.shift(900)
    answer = client_of(manager).post(f"users/{cashier.pk}/reset-password/").json()

    assert attempt(password=answer["temporary_password"]).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_reset_that_is_refused_ends_nothing(strangers, cashier, other_cashier, clock, client_of):
    strangers(100)
    clock.shift(900)
    client_of(other_cashier).post(f"users/{cashier.pk}/reset-password/")

    assert attempt().status_code == 429


def test_somebody_of_the_same_name_elsewhere_need_not_wait(strangers, clock):
    TenantFactory(slug="blue")
    strangers(100)
    clock.shift(900)

    assert attempt(tenant="blue", username="c1").status_code == 401


# --- the people of the platform ---------------------------------------------------------------


def at_the_platform(at, password=PASSWORD):
    """Whether this gets in; raises where there is to be waited."""
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
    """Somebody who runs the installation came in from home, and then strangers tried."""
    assert at_the_platform(HOME)
    for number in range(100):
        clock.shift(900)
        assert not at_the_platform(f"198.51.100.{number}", "wrong")
    clock.shift(900)
    yield
    structlog.contextvars.clear_contextvars()


@pytest.mark.usefixtures("guessed_platform_user")
def test_strangers_wait_at_the_platforms_door_and_who_is_known_there_does_not():
    with pytest.raises(TooManyAttempts):
        at_the_platform("203.0.113.9")

    assert at_the_platform(HOME)
    assert at_the_platform("203.0.113.9")


@pytest.mark.usefixtures("guessed_platform_user")
def test_a_new_password_from_the_command_line_ends_it_too(monkeypatch, root):
    monkeypatch.setattr(changepassword.getpass, "getpass", lambda *args, **kwargs: NEW)

    call_command("changepassword", "root", stdout=StringIO())

    assert at_the_platform("203.0.113.9", NEW)
    assert get_audit_event("password_reset").target == root.pk
    assert get_audit_event("password_reset").tenant is None
