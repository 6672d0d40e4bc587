"""Use of the token of a paired terminal."""

import uuid

import pytest

from accounts.models import Terminal
from tenants.scope import across_tenants
from tests.support.terminals import PIN_LOGIN, PIN_USERS, PairedTerminal, close_place, give_pin
from tests.support.users import LOG_IN, build_credentials, count_sessions


def no_token(pin_pad, foreign):
    return {}


def unknown_token(pin_pad, foreign):
    return {"X_Terminal_Token": f"{uuid.uuid4().hex}.{'A' * 43}"}


def another_secret(pin_pad, foreign):
    return {"X_Terminal_Token": pin_pad.token[:-43] + "A" * 43}


def no_secret(pin_pad, foreign):
    return {"X_Terminal_Token": pin_pad.token[:33]}


def twice(pin_pad, foreign):
    return {"X_Terminal_Token": f"{pin_pad.token},{pin_pad.token}"}


def of_another_shop(pin_pad, foreign):
    token = PairedTerminal(foreign.register, foreign.manager).token
    return {"X_Terminal_Token": token, "X_Tenant_ID": "green"}


def revoked(pin_pad, foreign):
    with across_tenants():
        Terminal.objects.update(unpaired_at=pin_pad.terminal.created_at)
    return {"X_Terminal_Token": pin_pad.token}


def of_a_closed_store(pin_pad, foreign):
    close_place(pin_pad.terminal.register.store)
    return {"X_Terminal_Token": pin_pad.token}


def as_bearer_token(pin_pad, foreign):
    return {"Authorization": f"Bearer {pin_pad.token}"}


@pytest.mark.parametrize(
    "case",
    [
        no_token,
        unknown_token,
        another_secret,
        no_secret,
        twice,
        of_another_shop,
        revoked,
        of_a_closed_store,
        as_bearer_token,
    ],
    ids=lambda case: case.__name__,
)
def test_attack_126_pin_pad_needs_the_token_of_a_paired_terminal(
    case, pin_pad, foreign, cashier, anonymous, problem
):
    give_pin(cashier)
    headers = case(pin_pad, foreign)
    before = count_sessions()

    listed = anonymous.get(PIN_USERS, **headers)
    entered = PairedTerminal.enter(anonymous, cashier, **headers)
    logged_in = anonymous.post(LOG_IN, build_credentials(), **({"X_Terminal_Token": ""} | headers))

    for response in (listed, entered, logged_in):
        problem(response, 401, "terminal_not_paired")
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Cache-Control"] == "no-store"
    assert count_sessions() == before
    bodies = {str(r.json() | {"request_id": ""}) for r in (listed, entered, logged_in)}
    assert len(bodies) == 1


def test_attack_126_terminal_of_another_shop_gives_no_access(foreign, cashier, problem):
    """At a terminal of the other shop, users of this shop are treated as unknown."""
    give_pin(cashier)
    theirs = PairedTerminal(foreign.register, foreign.manager)

    problem(theirs.enter(cashier), 401, "invalid_credentials")
    problem(theirs.post(LOG_IN, build_credentials()), 401, "terminal_not_paired")

    assert theirs.get(PIN_USERS).json()["results"] == []


@pytest.mark.parametrize("path", ["auth/me/", "users/", "registers/", "orders/", "auth/sessions/"])
def test_attack_135_terminal_token_is_not_accepted_as_bearer_token(
    path, pin_pad, anonymous, problem
):
    problem(anonymous.get(path, Authorization=f"Bearer {pin_pad.token}"), 401, "token_not_valid")
    problem(pin_pad.get(path), 401, "not_authenticated")


def test_tenant_header_beside_the_terminal_token_is_accepted(pin_pad, shop):
    for name in (shop.slug, shop.slug.upper(), str(shop.pk)):
        assert pin_pad.get(PIN_USERS, X_Tenant_ID=name).status_code == 200


def test_invalid_body_without_a_terminal_token_gets_401(anonymous, problem):
    """The token is checked before the body, so that strangers learn nothing about the fields."""
    problem(anonymous.post(PIN_LOGIN, {"nonsense": 1}), 401, "terminal_not_paired")
