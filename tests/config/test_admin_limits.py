"""Rate limits of the log-in to the platform admin."""

import pytest
import time_machine

from accounts.exceptions import Busy
from tests.factories.accounts import PASSWORD, PlatformUserFactory
from tests.support.api import Api
from tests.support.parallel import run_times, statuses
from tests.support.token_refresh import MORNING
from tests.support.users import LOG_IN, build_credentials

LOGIN = "/platform/login/"


@pytest.fixture(autouse=True)
def _platform_user(root):
    """Create the platform user and stop the clock."""
    with time_machine.travel(MORNING, tick=False):
        yield


def sign_in(browser, username="root", password=PASSWORD, at="198.51.100.1"):
    form = {"username": username, "password": password}
    return browser.post(LOGIN, form, headers={"X-Forwarded-For": at})


def guess_times(browser, number, **form):
    return [sign_in(browser, password="wrong", **form).status_code for _ in range(number)]


def is_logged_in(browser):
    return browser.get("/platform/").status_code == 200


def test_after_five_guesses_the_correct_password_waits(client):
    assert guess_times(client, 5) == [200] * 5

    response = sign_in(client)

    assert response.status_code == 429
    assert response["Retry-After"] == "2"
    assert "Try again in 2 seconds" in response.content.decode()
    assert not is_logged_in(client)


def test_successful_login_resets_the_guesses(client):
    guess_times(client, 4)
    assert sign_in(client).status_code == 302
    client.logout()

    assert guess_times(client, 6) == [200] * 5 + [429]


@pytest.mark.parametrize("form", [{"password": ""}, {"username": ""}])
def test_incomplete_form_neither_counts_nor_resets_guesses(client, form):
    guess_times(client, 4)
    assert {sign_in(client, **form).status_code for _ in range(12)} == {200}

    assert guess_times(client, 2) == [200, 429]


def test_unknown_usernames_are_limited_like_known_ones(client):
    assert guess_times(client, 6, username="nobody") == [200] * 5 + [429]


def test_failures_at_api_and_admin_share_the_address_limit(client, settings, cashier):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    at = "203.0.113.9"
    for number in range(10):
        guess = build_credentials(username=f"person{number}", password="wrong")
        assert Api().post(LOG_IN, guess, X_Forwarded_For=at).status_code == 401

    assert sign_in(client, at=at).status_code == 429
    assert sign_in(client, at="203.0.113.10").status_code == 302


def test_guesses_at_a_shop_do_not_lock_platform_users(client, shop):
    for _ in range(6):
        Api().post(LOG_IN, build_credentials(username="root", password="wrong"))

    assert sign_in(client).status_code == 302


def test_busy_server_returns_503_with_retry_after_and_counts_no_guess(client, monkeypatch):
    def busy(*args):
        raise Busy(retry_after=2)

    with monkeypatch.context() as patch:
        patch.setattr("django.contrib.auth.hashers.MD5PasswordHasher.encode", busy)
        responses = [sign_in(client) for _ in range(8)]

    assert statuses(responses) == {503: 8}
    assert responses[0]["Retry-After"] == "2"
    assert sign_in(client).status_code == 302


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_five_of_many_simultaneous_guesses_are_checked():
    PlatformUserFactory(username="other")
    responses = run_times(20, lambda: sign_in(Api().client, password="wrong"))

    assert statuses(responses) == {200: 5, 429: 15}
