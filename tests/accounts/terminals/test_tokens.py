"""What the token of a paired device is good for, and what not."""

import uuid

import pytest

from accounts.models import Terminal
from tenants.scope import across_tenants
from tests.support.terminals import PAD, PAD_USERS, Pad, close, give_pin
from tests.support.users import LOG_IN, credentials, sessions


def no_token(pad, foreign):
    return {}


def an_unknown_one(pad, foreign):
    return {"X_Terminal_Token": f"{uuid.uuid4().hex}.{'A' * 43}"}


def another_secret(pad, foreign):
    return {"X_Terminal_Token": pad.token[:-43] + "A" * 43}


def no_secret(pad, foreign):
    return {"X_Terminal_Token": pad.token[:33]}


def twice(pad, foreign):
    return {"X_Terminal_Token": f"{pad.token},{pad.token}"}


def of_another_shop(pad, foreign):
    token = Pad(foreign.register, foreign.manager).token
    return {"X_Terminal_Token": token, "X_Tenant_ID": "green"}


def revoked(pad, foreign):
    with across_tenants():
        Terminal.objects.update(unpaired_at=pad.terminal.created_at)
    return {"X_Terminal_Token": pad.token}


def in_a_closed_store(pad, foreign):
    close(pad.terminal.register.store)
    return {"X_Terminal_Token": pad.token}


def as_a_bearer(pad, foreign):
    return {"Authorization": f"Bearer {pad.token}"}


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
    case, pad, foreign, cashier, anonymous, problem
):
    give_pin(cashier)
    headers = case(pad, foreign)
    before = sessions()

    listed = anonymous.get(PAD_USERS, **headers)
    entered = Pad.enter(anonymous, cashier, **headers)
    logged_in = anonymous.post(LOG_IN, credentials(), **({"X_Terminal_Token": ""} | headers))

    for response in (listed, entered, logged_in):
        problem(response, 401, "terminal_not_paired")
        assert response["WWW-Authenticate"] == "Bearer"
        assert response["Cache-Control"] == "no-store"
    assert sessions() == before
    bodies = {str(r.json() | {"request_id": ""}) for r in (listed, entered, logged_in)}
    assert len(bodies) == 1


def test_attack_126_the_device_of_another_shop_opens_nothing_of_ours(foreign, cashier, problem):
    """Our person, asked for at their pad, is like one that nobody has; theirs are their own."""
    give_pin(cashier)
    theirs = Pad(foreign.register, foreign.manager)

    problem(theirs.enter(cashier), 401, "invalid_credentials")
    problem(theirs.post(LOG_IN, credentials()), 401, "terminal_not_paired")

    assert theirs.get(PAD_USERS).json()["results"] == []


@pytest.mark.parametrize("path", ["auth/me/", "users/", "registers/", "orders/", "auth/sessions/"])
def test_attack_135_the_token_of_a_device_is_no_bearer(path, pad, anonymous, problem):
    problem(anonymous.get(path, Authorization=f"Bearer {pad.token}"), 401, "token_not_valid")
    problem(pad.get(path), 401, "not_authenticated")


def test_the_shop_may_be_named_beside_the_token(pad, shop):
    for name in (shop.slug, shop.slug.upper(), str(shop.pk)):
        assert pad.get(PAD_USERS, X_Tenant_ID=name).status_code == 200


def test_there_is_one_answer_for_a_body_that_comes_to_no_pad(anonymous, problem):
    """Whose pad it is, is asked first: a stranger learns nothing of what a body must be."""
    problem(anonymous.post(PAD, {"nonsense": 1}), 401, "terminal_not_paired")
