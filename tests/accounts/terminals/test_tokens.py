"""What the token of a paired device is good for, and what not."""

import uuid

import pytest

from accounts.models import Terminal
from tenants.scope import across_tenants
from tests.support.terminals import PAD, PAD_USERS, PinPad, close_place, give_pin
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions


def no_token(pin_pad, foreign):
    return {}


def an_unknown_one(pin_pad, foreign):
    return {"X_Terminal_Token": f"{uuid.uuid4().hex}.{'A' * 43}"}


def another_secret(pin_pad, foreign):
    return {"X_Terminal_Token": pin_pad.token[:-43] + "A" * 43}


def no_secret(pin_pad, foreign):
    return {"X_Terminal_Token": pin_pad.token[:33]}


def twice(pin_pad, foreign):
    return {"X_Terminal_Token": f"{pin_pad.token},{pin_pad.token}"}


def of_another_shop(pin_pad, foreign):
    token = PinPad(foreign.register, foreign.manager).token
    return {"X_Terminal_Token": token, "X_Tenant_ID": "green"}


def revoked(pin_pad, foreign):
    with across_tenants():
        Terminal.objects.update(unpaired_at=pin_pad.terminal.created_at)
    return {"X_Terminal_Token": pin_pad.token}


def in_a_closed_store(pin_pad, foreign):
    close_place(pin_pad.terminal.register.store)
    return {"X_Terminal_Token": pin_pad.token}


def as_a_bearer(pin_pad, foreign):
    return {"Authorization": f"Bearer {pin_pad.token}"}


@pytest.mark.parametrize(
    "case",
    [
        no_token,
        an_unknown_one,
        another_secret,
        no_secret,
        twice,
        of_another_shop,
        revoked,
        in_a_closed_store,
        as_a_bearer,
    ],
    ids=lambda case: case.__name__,
)
def test_attack_126_without_the_token_of_a_paired_device_there_is_no_pad(
    case, pin_pad, foreign, cashier, anonymous, problem
):
    give_pin(cashier)
    headers = case(pin_pad, foreign)
    before = snapshot_sessions()

    listed = anonymous.get(PAD_USERS, **headers)
    entered = PinPad.enter(anonymous, cashier, **headers)
    logged_in = anonymous.post(LOG_IN, build_credentials(), **({"X_Terminal_Token": ""} | headers))

    for response in (listed, entered, logged_in):
        problem(response, 401, "terminal_not_paired")
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Cache-Control"] == "no-store"
    assert snapshot_sessions() == before
    bodies = {str(r.json() | {"request_id": ""}) for r in (listed, entered, logged_in)}
    assert len(bodies) == 1


def test_attack_126_the_device_of_another_shop_opens_nothing_of_ours(foreign, cashier, problem):
    """Our person, asked for at their pad, is like one that nobody has; theirs are their own."""
    give_pin(cashier)
    theirs = PinPad(foreign.register, foreign.manager)

    problem(theirs.enter(cashier), 401, "invalid_credentials")
    problem(theirs.post(LOG_IN, build_credentials()), 401, "terminal_not_paired")

    assert theirs.get(PAD_USERS).json()["results"] == []


@pytest.mark.parametrize("path", ["auth/me/", "users/", "registers/", "orders/", "auth/sessions/"])
def test_attack_135_the_token_of_a_device_is_no_bearer(path, pin_pad, anonymous, problem):
    problem(anonymous.get(path, Authorization=f"Bearer {pin_pad.token}"), 401, "token_not_valid")
    problem(pin_pad.get(path), 401, "not_authenticated")


def test_the_shop_may_be_named_beside_the_token(pin_pad, shop):
    for name in (shop.slug, shop.slug.upper(), str(shop.pk)):
        assert pin_pad.get(PAD_USERS, X_Tenant_ID=name).status_code == 200


def test_there_is_one_answer_for_a_body_that_comes_to_no_pad(anonymous, problem):
    """Whose pad it is, is asked first: a stranger learns nothing of what a body must be."""
    problem(anonymous.post(PAD, {"nonsense": 1}), 401, "terminal_not_paired")
