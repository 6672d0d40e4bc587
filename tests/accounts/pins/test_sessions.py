"""What a session is worth that was opened at a terminal, by a PIN or by a password."""

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
    PinPad,
    give_pin,
    last_session,
    list_terminal_event_names,
    snapshot_pins,
)
from tests.support.token_refresh import MORNING, refresh_token, reload_session
from tests.support.users import LOG_IN, build_credentials, snapshot_users

REAUTH = "auth/reauth/"
FORM = "application/x-www-form-urlencoded"
LATER = timedelta(minutes=6)


@pytest.fixture
def till(clock, pin_pad, manager):
    """The manager at the till, by PIN."""
    give_pin(manager)
    return pin_pad.till_of(manager)


# --- by password, at a terminal ---------------------------------------------------------------


@pytest.mark.parametrize("as_form", [False, True])
def test_a_log_in_by_password_is_bound_to_the_till_too(as_form, pin_pad, cashier, register):
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


def test_away_from_a_terminal_a_session_has_no_till(cashier, anonymous):
    answer = anonymous.post(LOG_IN, build_credentials()).json()

    assert answer["session"] == {
        "id": str(last_session().pk),
        "method": "pwd",
        "register": None,
        "store": None,
    }


def test_a_session_by_password_is_not_closed_by_a_quarter_of_an_hour(clock, pin_pad, cashier):
    pair = pin_pad.post(LOG_IN, build_credentials()).json()
    clock.shift(timedelta(hours=7))

    assert refresh_token(Api(), pair["refresh"])


def test_whoever_logs_in_at_a_till_takes_it_over(till, pin_pad, cashier, problem):
    assert pin_pad.post(LOG_IN, build_credentials()).status_code == 200

    problem(till.get("auth/me/"), 401, "token_not_valid")


def test_a_wrong_password_leaves_whoever_is_there(till, pin_pad, cashier):
    assert pin_pad.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    assert till.get("auth/me/").status_code == 200


def test_a_pin_leaves_those_who_came_with_a_password(pin_pad, cashier, manager):
    platform_browser = Api(pin_pad.post(LOG_IN, build_credentials()).json()["access"])
    give_pin(manager)

    pin_pad.till_of(manager)

    assert platform_browser.get("auth/me/").status_code == 200


# --- what a PIN is too little for -------------------------------------------------------------


def test_a_pin_opens_the_till_and_not_the_office(till, cashier, problem):
    """Which calls these are, is in the table of permissions."""
    before = snapshot_users()

    refused = till.put(f"users/{cashier.pk}/pin/", {"pin": PIN}, If_Match="*")

    told = problem(refused, 403, "password_required")
    assert "password" in told["detail"]
    assert (snapshot_users(), snapshot_pins()) == (before, snapshot_pins()[:1])


def test_attack_45_not_even_ones_own_password_is_changed_by_a_pin(till, problem):
    change = {"current_password": PASSWORD, "new_password": "eight green bottles"}

    problem(till.put("auth/password/", change), 403, "password_required")

    assert last_session().current_jti is None


def test_whom_a_password_would_not_help_is_not_asked_for_it(till, store, problem):
    """The manager reads the stores, but only admins write them."""
    problem(till.post("stores/", {"name": "Second"}), 403, "permission_denied")


def test_goods_are_the_tills_business(till, product, store):
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


# --- showing again who one is -----------------------------------------------------------------


def test_the_password_makes_more_of_a_session_that_a_pin_has_opened(till, clock, cashier, problem):
    clock.shift(LATER)

    response = till.post(REAUTH, {"password": PASSWORD})

    session = last_session()
    assert (session.method, session.auth_time) == ("pwd", MORNING + LATER)
    admin_client = Api(response.json()["access"])
    assert admin_client.post(f"users/{cashier.pk}/reset-password/").status_code == 200
    assert response.json()["expires_in"] == 12 * 3600 - LATER.total_seconds()
    clock.shift(timedelta(minutes=15))
    problem(admin_client.get("auth/me/"), 401, "token_not_valid")


def test_the_pin_again_makes_a_fresh_token_of_the_same_session(till, clock):
    clock.shift(LATER)

    response = till.post(REAUTH, {"pin": PIN})

    assert response.status_code == 200
    assert response.json().keys() == {"access", "token_type", "expires_in"}
    assert last_session().auth_time == MORNING + LATER
    assert Api(response.json()["access"]).get("auth/me/").status_code == 200
    with across_tenants():
        assert AuthSession.objects.count() == 1
    (event,) = list_terminal_event_names("reauth_ok")
    assert event.facts == {"method": "pin"}


def test_a_pin_is_never_taken_for_a_password_shown_lately(
    clock, pin_pad, manager, register, problem
):
    """Else six digits would be enough to pair a device."""
    give_pin(manager)
    platform_browser = Api(pin_pad.post(LOG_IN, build_credentials(username="mgr")).json()["access"])
    clock.shift(LATER)

    assert platform_browser.post(REAUTH, {"pin": PIN}).status_code == 200

    assert last_session().method == "pin"
    problem(platform_browser.post(f"registers/{register.pk}/pair/"), 403, "password_required")
    assert platform_browser.post(REAUTH, {"password": PASSWORD}).status_code == 200
    assert platform_browser.post(f"registers/{register.pk}/pair/").status_code == 201


def test_a_wrong_pin_changes_nothing_and_is_written_down(till, clock, problem):
    clock.shift(LATER)

    problem(till.post(REAUTH, {"pin": WRONG_PIN}), 400, "invalid", {"pin": "wrong_pin"})

    assert last_session().auth_time == MORNING
    (event,) = list_terminal_event_names("pin_failed")
    assert event.facts["way"] == "reauth"


def test_guesses_here_and_at_the_pad_are_counted_together(till, pin_pad, manager, clock, problem):
    for _ in range(5):
        till.post(REAUTH, {"pin": WRONG_PIN})

    problem(till.post(REAUTH, {"pin": PIN}), 429, "pin_closed")
    problem(pin_pad.enter(manager), 429, "pin_closed")
    clock.shift(timedelta(minutes=1))
    assert till.post(REAUTH, {"password": PASSWORD}).status_code == 200
    assert till.post(REAUTH, {"pin": PIN}).status_code == 200


def test_away_from_a_terminal_a_pin_shows_nothing(cashier, client_of, problem):
    give_pin(cashier)
    platform_browser = client_of(cashier)
    before = reload_session(platform_browser.session)

    problem(
        platform_browser.post(REAUTH, {"pin": PIN}), 400, "invalid", {"pin": "not_at_a_terminal"}
    )

    assert reload_session(platform_browser.session).auth_time == before.auth_time
    assert list_terminal_event_names("pin_failed") == []


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
def test_it_takes_a_password_or_a_pin(body, errors, till, problem):
    problem(till.post(REAUTH, body), 400, "invalid", errors)


def test_the_colleague_at_the_next_till_shows_nothing_here(till, store, cashier, manager, problem):
    """A PIN is looked for under the name of whoever is logged in."""
    give_pin(cashier, "730164")

    problem(till.post(REAUTH, {"pin": "730164"}), 400, "invalid", {"pin": "wrong_pin"})


def test_a_log_in_of_another_shops_people_at_our_device_is_refused(pin_pad, foreign, problem):
    body = {"tenant": foreign.tenant.slug, "username": "c1", "password": PASSWORD}

    problem(pin_pad.post(LOG_IN, body), 401, "terminal_not_paired")

    theirs = PinPad(foreign.register, foreign.manager)
    assert theirs.post(LOG_IN, body).status_code == 200


# --- mail addresses -----------------------------------------------------------------------------


def test_a_pin_is_shown_nobodys_mail_address(till, pin_pad, manager, cashier, client_of):
    """Neither those of others nor the own one, until the password is shown."""
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


def test_a_pin_changes_the_own_name_and_not_the_own_mail_address(till, manager, problem):
    before = snapshot_users()
    for body in ({"email": "thief@people.example"}, {"email": "", "display_name": "Thief"}):
        problem(till.patch("auth/me/", body, If_Match="*"), 403, "password_required")
    assert snapshot_users() == before

    renamed = till.patch("auth/me/", {"display_name": "Ann"}, If_Match="*")
    assert renamed.json()["display_name"] == "Ann"


# --- what changes between the check of a PIN and the log-in ---------------------------------------


def take_pin(person, shop):
    Pin.objects.filter(user=person).delete()


def give_another_pin(person, shop):
    pin = Pin.objects.get(user=person)
    pin.set_digits(OTHER_PIN)
    pin.save_changes("digits_hash", "opened_at")


def assign_elsewhere(person, shop):
    Posting(user=person, store=StoreFactory(tenant=shop)).save(force_insert=True)


def deactivate(person, shop):
    User.objects.filter(pk=person.pk).update(is_active=False)


def demand_another_password(person, shop):
    User.objects.filter(pk=person.pk).update(must_change_password=True)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [take_pin, give_another_pin, assign_elsewhere, deactivate, demand_another_password],
)
def test_what_is_taken_away_after_the_pin_was_checked_lets_nobody_in(
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
    assert not list_terminal_event_names("pin_log_in")
