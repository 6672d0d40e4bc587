"""Rights of sessions at a terminal, started by PIN or by password."""

from datetime import timedelta

import pytest

from accounts.models import AuthSession, Pin, Posting, User
from accounts.services import pins as pin_service
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import StoreFactory
from tests.support.api import Api
from tests.support.terminals import (
    OTHER_PIN,
    PIN,
    WRONG_PIN,
    PairedTerminal,
    give_pin,
    last_session,
    list_terminal_events,
    snapshot_pins,
)
from tests.support.token_refresh import MORNING, refresh_token, reload_session
from tests.support.users import LOG_IN, build_credentials, snapshot_users

REAUTH = "auth/reauth/"
FORM = "application/x-www-form-urlencoded"
LATER = timedelta(minutes=6)


@pytest.fixture
def till(clock, pin_pad, manager):
    """Return a client of the manager, logged in by PIN at the terminal."""
    give_pin(manager)
    return pin_pad.till_of(manager)


# --- password log-in at a terminal -------------------------------------------------------------


@pytest.mark.parametrize("as_form", [False, True])
def test_password_login_at_a_terminal_is_bound_to_the_register(as_form, pin_pad, cashier, register):
    form = "&".join(f"{name}={value}" for name, value in build_credentials().items())

    response = (
        pin_pad.post(LOG_IN, form.replace(" ", "+"), content_type=FORM)
        if as_form
        else pin_pad.post(LOG_IN, build_credentials())
    )

    assert response.status_code == 200
    session = last_session()
    assert (session.method, session.terminal_id, session.register_id, session.store_id) == (
        "pwd",
        pin_pad.terminal.pk,
        register.pk,
        register.store_id,
    )
    if not as_form:
        assert response.json()["session"] == {
            "id": str(session.pk),
            "method": "pwd",
            "register": str(register.pk),
            "store": str(register.store_id),
        }
        assert refresh_token(Api(), response.json()["refresh"])


def test_session_without_a_terminal_has_no_register(cashier, anonymous):
    answer = anonymous.post(LOG_IN, build_credentials()).json()

    assert answer["session"] == {
        "id": str(last_session().pk),
        "method": "pwd",
        "register": None,
        "store": None,
    }


def test_password_session_does_not_expire_when_idle(clock, pin_pad, cashier):
    pair = pin_pad.post(LOG_IN, build_credentials()).json()
    clock.shift(timedelta(hours=7))

    assert refresh_token(Api(), pair["refresh"])


def test_password_login_at_a_terminal_ends_the_pin_session(till, pin_pad, cashier, problem):
    assert pin_pad.post(LOG_IN, build_credentials()).status_code == 200

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_wrong_password_at_a_terminal_keeps_the_session(till, pin_pad, cashier):
    assert pin_pad.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    assert till.get("auth/me/").status_code == 200


def test_pin_login_keeps_password_sessions_at_the_terminal(pin_pad, cashier, manager):
    password_client = Api(pin_pad.post(LOG_IN, build_credentials()).json()["access"])
    give_pin(manager)

    pin_pad.till_of(manager)

    assert password_client.get("auth/me/").status_code == 200


# --- actions that need a password -------------------------------------------------------------


def test_pin_session_cannot_change_users(till, cashier, problem):
    """The table of permissions lists all such operations."""
    before = snapshot_users()

    refused = till.put(f"users/{cashier.pk}/pin/", {"pin": PIN}, If_Match="*")

    refusal = problem(refused, 403, "password_required")
    assert "password" in refusal["detail"]
    assert (snapshot_users(), snapshot_pins()) == (before, snapshot_pins()[:1])


def test_attack_045_pin_session_cannot_change_the_own_password(till, problem):
    change = {"current_password": PASSWORD, "new_password": "eight green bottles"}

    problem(till.put("auth/password/", change), 403, "password_required")

    assert last_session().current_jti is None


def test_missing_role_is_reported_before_the_missing_password(till, store, problem):
    """Managers can read stores, and only admins can write them."""
    problem(till.post("stores/", {"name": "Second"}), 403, "permission_denied")


def test_pin_session_can_manage_catalog_and_stock(till, product, store):
    delivery = {
        "id": "01900000-0000-7000-8000-000000000001",
        "type": "receive",
        "product": str(product.pk),
        "store": str(store.pk),
        "quantity": "5",
    }

    assert till.post("categories/", {"name": "Fruit"}).status_code == 201
    assert till.post("stock/movements/", delivery).status_code == 201
    assert till.get("users/").status_code == 200


# --- reauthentication --------------------------------------------------------------------------


def test_password_reauthentication_turns_a_pin_session_into_a_password_session(
    till, clock, cashier, problem
):
    clock.shift(LATER)

    response = till.post(REAUTH, {"password": PASSWORD})

    session = last_session()
    assert (session.method, session.auth_time) == ("pwd", MORNING + LATER)
    upgraded = Api(response.json()["access"])
    assert upgraded.post(f"users/{cashier.pk}/reset-password/").status_code == 200
    assert response.json()["expires_in"] == 12 * 3600 - LATER.total_seconds()
    clock.shift(timedelta(minutes=15))
    problem(upgraded.get("auth/me/"), 401, "token_not_valid")


def test_pin_reauthentication_returns_a_new_token_of_the_same_session(till, clock):
    clock.shift(LATER)

    response = till.post(REAUTH, {"pin": PIN})

    assert response.status_code == 200
    assert response.json().keys() == {"access", "token_type", "expires_in"}
    assert last_session().auth_time == MORNING + LATER
    assert Api(response.json()["access"]).get("auth/me/").status_code == 200
    with across_tenants():
        assert AuthSession.objects.count() == 1
    (event,) = list_terminal_events("reauth_ok")
    assert event.facts == {"method": "pin"}


def test_pin_reauthentication_downgrades_a_password_session(
    clock, pin_pad, manager, register, problem
):
    """Otherwise six digits would be enough to pair a terminal."""
    give_pin(manager)
    password_client = Api(pin_pad.post(LOG_IN, build_credentials(username="mgr")).json()["access"])
    clock.shift(LATER)

    assert password_client.post(REAUTH, {"pin": PIN}).status_code == 200

    assert last_session().method == "pin"
    problem(password_client.post(f"registers/{register.pk}/pair/"), 403, "password_required")
    assert password_client.post(REAUTH, {"password": PASSWORD}).status_code == 200
    assert password_client.post(f"registers/{register.pk}/pair/").status_code == 201


def test_wrong_pin_keeps_the_auth_time_and_is_recorded(till, clock, problem):
    clock.shift(LATER)

    problem(till.post(REAUTH, {"pin": WRONG_PIN}), 400, "invalid", {"pin": "wrong_pin"})

    assert last_session().auth_time == MORNING
    (event,) = list_terminal_events("pin_failed")
    assert event.facts["way"] == "reauth"


def test_wrong_pins_at_reauthentication_and_login_share_one_limit(
    till, pin_pad, manager, clock, problem
):
    for _ in range(5):
        till.post(REAUTH, {"pin": WRONG_PIN})

    problem(till.post(REAUTH, {"pin": PIN}), 429, "pin_closed")
    problem(pin_pad.enter(manager), 429, "pin_closed")
    clock.shift(timedelta(minutes=1))
    assert till.post(REAUTH, {"password": PASSWORD}).status_code == 200
    assert till.post(REAUTH, {"pin": PIN}).status_code == 200


def test_pin_reauthentication_without_a_terminal_is_rejected(cashier, client_of, problem):
    give_pin(cashier)
    password_client = client_of(cashier)
    before = reload_session(password_client.session)

    problem(
        password_client.post(REAUTH, {"pin": PIN}), 400, "invalid", {"pin": "not_at_a_terminal"}
    )

    assert reload_session(password_client.session).auth_time == before.auth_time
    assert list_terminal_events("pin_failed") == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"password": "required"}),
        ({"password": PASSWORD, "pin": PIN}, {"pin": "ambiguous"}),
        ({"pin": None}, {"pin": "null"}),
        ({"pin": 482915}, {"pin": "invalid"}),
        ({"pin": "48 915"}, {"pin": "invalid"}),
    ],
    ids=str,
)
def test_invalid_reauthentication_body_is_rejected(body, errors, till, problem):
    problem(till.post(REAUTH, body), 400, "invalid", errors)


def test_pin_of_a_colleague_cannot_reauthenticate(till, store, cashier, manager, problem):
    """The PIN is compared with that of the logged-in user only."""
    give_pin(cashier, "730164")

    problem(till.post(REAUTH, {"pin": "730164"}), 400, "invalid", {"pin": "wrong_pin"})


def test_users_of_another_shop_cannot_log_in_at_the_terminal(pin_pad, foreign, problem):
    body = {"tenant": foreign.tenant.slug, "username": "c1", "password": PASSWORD}

    problem(pin_pad.post(LOG_IN, body), 401, "terminal_not_paired")

    theirs = PairedTerminal(foreign.register, foreign.manager)
    assert theirs.post(LOG_IN, body).status_code == 200


# --- mail addresses ----------------------------------------------------------------------------


def test_pin_session_sees_no_email_addresses(till, pin_pad, manager, cashier, client_of):
    """Neither those of others nor the own one, until the user enters the password."""
    for person in (manager, cashier):
        person.email = f"{person.username}@people.example"
        with across_tenants():
            person.save_changes("email")
    entered = pin_pad.enter(manager).json()
    by_pin = Api(entered["access"])

    answers = [
        by_pin.get("users/"),
        by_pin.get(f"users/{cashier.pk}/"),
        by_pin.get(f"users/{manager.pk}/"),
        by_pin.get("auth/me/"),
        Api().post("auth/token/verify/", {"token": entered["access"]}),
        pin_pad.get("auth/pin/users/"),
    ]

    assert {answer.status_code for answer in answers} == {200}
    assert not [each for each in answers if b"people.example" in each.content]
    assert entered["user"]["email"] is None
    assert answers[3].json()["email"] is None
    shown = Api(by_pin.post(REAUTH, {"password": PASSWORD}).json()["access"])
    assert shown.get(f"users/{cashier.pk}/").json()["email"] == cashier.email
    assert client_of(manager).get("auth/me/").json()["email"] == manager.email


def test_pin_session_can_change_the_own_name_but_not_the_email(till, manager, problem):
    before = snapshot_users()
    for body in ({"email": "thief@people.example"}, {"email": "", "display_name": "Thief"}):
        problem(till.patch("auth/me/", body, If_Match="*"), 403, "password_required")
    assert snapshot_users() == before

    renamed = till.patch("auth/me/", {"display_name": "Ann"}, If_Match="*")
    assert renamed.json()["display_name"] == "Ann"


# --- changes between the PIN check and the log-in ----------------------------------------------


def remove_pin(person, shop):
    Pin.objects.filter(user=person).delete()


def change_pin(person, shop):
    pin = Pin.objects.get(user=person)
    pin.set_digits(OTHER_PIN)
    pin.save_changes("digits_hash", "opened_at")


def assign_elsewhere(person, shop):
    Posting(user=person, store=StoreFactory(tenant=shop)).save(force_insert=True)


def deactivate(person, shop):
    User.objects.filter(pk=person.pk).update(is_active=False)


def require_password_change(person, shop):
    User.objects.filter(pk=person.pk).update(must_change_password=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [remove_pin, change_pin, assign_elsewhere, deactivate, require_password_change],
)
def test_login_fails_if_the_user_changes_after_the_pin_check(
    change, pin_pad, cashier, shop, problem, monkeypatch
):
    give_pin(cashier)
    check = pin_service.verify_pin

    def check_and_change(*args, **more):
        person = check(*args, **more)
        with tenant_scope(shop):
            change(person, shop)
        return person

    monkeypatch.setattr(pin_service, "verify_pin", check_and_change)

    problem(pin_pad.enter(cashier), 401, "invalid_credentials")

    with across_tenants():
        assert not AuthSession.objects.exists()
    assert not list_terminal_events("pin_log_in")
