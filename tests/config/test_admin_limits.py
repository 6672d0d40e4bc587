"""Guessing at the door of the admin."""

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
def _root(root):
    """There is somebody who runs the installation, and no time to wait."""
    with time_machine.travel(MORNING, tick=False):
        yield


def sign_in(browser, username="root", password=PASSWORD, at="198.51.100.1"):
    form = {"username": username, "password": password}
    return browser.post(LOGIN, form, headers={"X-Forwarded-For": at})


def guesses(browser, number, **form):
    return [sign_in(browser, password="wrong", **form).status_code for _ in range(number)]


def is_in(browser):
    return browser.get("/platform/").status_code == 200


def test_after_five_guesses_the_right_password_has_to_wait(client):
    assert guesses(client, 5) == [200] * 5

    response = sign_in(client)

    assert response.status_code == 429
    assert response["Retry-After"] == "2"
    assert "Try again in 2 seconds" in response.content.decode()
    assert not is_in(client)


def test_who_gets_in_has_all_guesses_again(client):
    guesses(client, 4)
    assert sign_in(client).status_code == 302
    client.logout()

    assert guesses(client, 6) == [200] * 5 + [429]


@pytest.mark.parametrize("form", [{"password": ""}, {"username": ""}])
def test_a_form_without_credentials_neither_counts_nor_forgives(client, form):
    guesses(client, 4)
    assert {sign_in(client, **form).status_code for _ in range(12)} == {200}

    assert guesses(client, 2) == [200, 429]


def test_names_that_do_not_exist_are_refused_alike(client):
    assert guesses(client, 6, username="nobody") == [200] * 5 + [429]


def test_an_address_has_ten_failures_at_all_doors_together(client, settings, cashier):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    at = "203.0.113.9"
    for number in range(10):
        guess = build_credentials(username=f"person{number}", password="wrong")
        assert Api().post(LOG_IN, guess, X_Forwarded_For=at).status_code == 401

    assert sign_in(client, at=at).status_code == 429
    assert sign_in(client, at="203.0.113.10").status_code == 302


def test_guesses_at_a_shop_do_not_keep_the_platform_out(client, shop):
    for _ in range(6):
        Api().post(LOG_IN, build_credentials(username="root", password="wrong"))

    assert sign_in(client).status_code == 302


def test_a_busy_machine_says_when_to_come_again(client, monkeypatch):
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
def test_of_many_guesses_at_once_five_are_looked_at():
    PlatformUserFactory(username="other")
    responses = run_times(20, lambda: sign_in(Api().client, password="wrong"))

    assert statuses(responses) == {200: 5, 429: 15}
