"""Rate limits of refreshes, sign-ups and changes of the own password."""

import pytest

from tests.support.api import Api
from tests.support.users import reload_user

REFRESH = "auth/token/refresh/"
SIGNUP = "auth/signup/"
OWN_PASSWORD = "auth/password/"


def refresh(token):
    return Api().post(REFRESH, {"refresh": token})


def test_attack_071_refreshes_are_limited_to_sixty_a_minute_per_session(
    clock, cashier, other_cashier, client_of, problem
):
    token = client_of(cashier).tokens.refresh
    for _ in range(60):
        token = refresh(token).json()["refresh"]

    response = refresh(token)

    problem(response, 429, "too_many_attempts")
    assert response["Retry-After"] == "60"
    assert refresh(client_of(other_cashier).tokens.refresh).status_code == 200
    clock.shift(60)
    assert refresh(token).status_code == 200, "refused requests do not use up a refresh token"


def test_forged_refresh_tokens_are_not_counted(clock, cashier, client_of):
    person = client_of(cashier)
    forged = person.tokens.refresh[:-4] + "AAAA"

    assert {refresh(forged).status_code for _ in range(61)} == {401}
    assert refresh(person.tokens.refresh).status_code == 200


def signup_form(number):
    return {
        "tenant": {"slug": f"corner-{number}", "name": "Corner Shop", "currency": "EUR"},
        "admin": {
            "username": "owner",
            "email": f"o{number}@corner.example",
            "password": "seven green bottles",
        },
    }


@pytest.mark.slow
@pytest.mark.django_db
def test_signups_are_limited_to_twenty_an_hour_per_address(clock, settings, problem):
    settings.SIGNUP_ENABLED = True
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}
    statuses = {Api().post(SIGNUP, signup_form(number)).status_code for number in range(20)}

    response = Api().post(SIGNUP, signup_form(20))

    assert statuses == {201}
    problem(response, 429, "too_many_attempts")
    assert response["Retry-After"] == "3600"
    elsewhere = Api().post(SIGNUP, signup_form(21), X_Forwarded_For="198.51.100.1")
    assert elsewhere.status_code == 201
    clock.shift(3600)
    assert Api().post(SIGNUP, signup_form(20)).status_code == 201


def test_wrong_current_passwords_are_limited_to_five(clock, cashier, client_of, problem, hashes):
    person = client_of(cashier)
    before = reload_user(cashier).password
    change = {"current_password": "wrong", "new_password": "eight green bottles"}
    statuses = [person.put(OWN_PASSWORD, change).status_code for _ in range(5)]
    hashes.restart()

    response = client_of(cashier).put(OWN_PASSWORD, change)

    assert statuses == [400] * 5
    problem(response, 429, "too_many_attempts")
    assert hashes.count == 0
    assert reload_user(cashier).password == before
