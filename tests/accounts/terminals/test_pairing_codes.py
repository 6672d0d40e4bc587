"""Pair a device by a code that a manager has made."""

from datetime import timedelta

import pytest

from accounts.exceptions import PairingCodeInvalid
from accounts.models import PairingCode, Terminal
from accounts.models.pairing_code import (
    ALPHABET,
    format_pairing_code,
    generate_code,
    normalize_pairing_code,
)
from accounts.services import pairing_codes
from accounts.services.pairing_codes import pair_by_code
from accounts.services.terminals import Device
from tenants.models import AuditEvent
from tenants.scope import across_tenants
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api
from tests.support.parallel import run_concurrently
from tests.support.terminals import PIN_USERS, close_place, give_pin, list_terminal_events

pytestmark = pytest.mark.django_db

PAIR = "auth/pair/"


def list_terminals():
    with across_tenants():
        return list(Terminal.objects.order_by("created_at", "pk").values())


def list_codes():
    with across_tenants():
        return list(PairingCode.objects.values())


@pytest.fixture
def make_code(client_of, manager, register):
    """Return a function that makes a pairing code, by default of the manager."""

    def make(by=None, at=None):
        path = f"registers/{(at or register).pk}/pairing-codes/"
        response = client_of(by or manager).post(path)
        assert response.status_code == 201, response.content
        assert response["Cache-Control"] == "no-store"
        return response.json()

    return make


def pair(code, **more):
    return Api().post(PAIR, {"pairing_code": code, **more})


@pytest.fixture
def refused(problem):
    """`refused(call)`: assert that the code is refused and that nothing was paired."""

    def check(call, status=401, code="pairing_code_invalid"):
        before = list_terminals(), list_codes()
        answer = problem(call(), status, code)
        assert (list_terminals(), list_codes()) == before
        return answer

    return check


# --- codes ---------------------------------------------------------------------------------------


def test_code_has_eight_letters_without_vowels():
    codes = {generate_code() for _ in range(100)}

    assert len(codes) == 100
    assert {len(code) for code in codes} == {8}
    assert set("".join(codes)) <= set(ALPHABET)
    assert not set(ALPHABET) & set("AEIOUY0123456789")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("BCDFGHJK", "BCDFGHJK"),
        ("BCDF-GHJK", "BCDFGHJK"),
        (" bcdf ghjk\n", "BCDFGHJK"),
        ("BCDFGHJ", None),
        ("BCDFGHJKL", None),
        ("BCDFGHJA", None),
        ("BCDFGHJ\u212a", None),
        ("", None),
    ],
)
def test_code_is_read_in_any_spelling(text, code):
    assert normalize_pairing_code(text) == code
    if code:
        assert normalize_pairing_code(format_pairing_code(code)) == code


# --- pairing -------------------------------------------------------------------------------------


def test_device_is_paired_by_the_code_without_a_log_in(make_code, register, manager, cashier):
    give_pin(cashier)
    made = make_code()

    response = pair(made["pairing_code"].lower(), device={"name": "Tablet", "app_version": "1.4.2"})

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    shown = response.json()
    token = shown.pop("terminal_token")
    assert shown == {
        "last_device_sequence": 0,
        "tenant": {
            "id": str(register.tenant_id),
            "name": register.tenant.name,
            "slug": register.tenant.slug,
        },
        "store": {"id": str(register.store_id), "name": register.store.name},
        "register": {"id": str(register.pk), "name": register.name},
    }
    assert Api(X_Terminal_Token=token).get(PIN_USERS).status_code == 200
    (terminal,) = list_terminals()
    assert (terminal["device_name"], terminal["app_version"]) == ("Tablet", "1.4.2")
    assert terminal["paired_by_id"] == manager.pk
    (event,) = list_terminal_events("terminal_paired")
    assert event.facts == {"terminal": str(terminal["id"]), "by_code": True}
    assert list_codes() == []


def test_only_a_keyed_hash_is_stored(make_code):
    code = normalize_pairing_code(make_code()["pairing_code"])

    (row,) = list_codes()
    assert code not in str(row)
    with across_tenants():
        assert not [each for each in AuditEvent.objects.values() if code in str(each)]


def test_code_works_once(make_code, refused):
    code = make_code()["pairing_code"]
    assert pair(code).status_code == 201

    refused(lambda: pair(code))


def test_code_expires_after_ten_minutes(clock, make_code, refused):
    late, in_time = make_code()["pairing_code"], timedelta(minutes=9, seconds=59)
    clock.shift(timedelta(minutes=10))
    refused(lambda: pair(late))

    code = make_code()["pairing_code"]
    clock.shift(in_time)
    assert pair(code).status_code == 201


def test_new_code_replaces_the_former_one(make_code, refused):
    former, present = (make_code()["pairing_code"] for _ in range(2))

    refused(lambda: pair(former))
    assert pair(present).status_code == 201


def test_each_register_has_its_own_code(make_code, register):
    other = RegisterFactory(store=register.store, tenant=register.tenant)

    first, second = make_code(), make_code(at=other)

    assert pair(second["pairing_code"]).json()["register"]["id"] == str(other.pk)
    assert pair(first["pairing_code"]).json()["register"]["id"] == str(register.pk)


def test_pairing_by_code_unpairs_the_former_terminal(pin_pad, make_code, problem):
    assert pair(make_code()["pairing_code"]).status_code == 201

    problem(pin_pad.get(PIN_USERS), 401, "terminal_not_paired")


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": "cashier"}])
def test_code_ends_with_the_permission_of_who_made_it(make_code, shop, refused, change):
    manager = UserFactory(tenant=shop, username="mgr9", manager=True)
    code = make_code(by=manager)["pairing_code"]
    for name, value in change.items():
        setattr(manager, name, value)
    manager.save(update_fields=list(change))

    refused(lambda: pair(code))


def test_code_of_a_closed_register_is_refused(make_code, register, refused):
    code = make_code()["pairing_code"]
    close_place(register)

    refused(lambda: pair(code), 409, "register_closed")


@pytest.mark.parametrize("place", ["register", "store"])
def test_closed_register_gets_no_code(client_of, manager, register, refused, place):
    close_place(register if place == "register" else register.store)
    path = f"registers/{register.pk}/pairing-codes/"

    refused(lambda: client_of(manager).post(path), 409, "register_closed")


def test_code_needs_a_recent_log_in(client_of, manager, register, clock, refused):
    client = client_of(manager)
    clock.shift(timedelta(minutes=6))
    path = f"registers/{register.pk}/pairing-codes/"

    refused(lambda: client.post(path), 401, "insufficient_user_authentication")


def test_cashier_makes_no_code(client_of, cashier, register, refused):
    path = f"registers/{register.pk}/pairing-codes/"

    refused(lambda: client_of(cashier).post(path), 403, "permission_denied")


def test_register_of_another_shop_is_not_found(client_of, manager, foreign, refused):
    path = f"registers/{foreign.register.pk}/pairing-codes/"

    refused(lambda: client_of(manager).post(path), 404, "not_found")


def test_two_shops_with_the_same_code_are_both_refused(
    make_code, client_of, foreign, monkeypatch, refused
):
    """Nobody can say which of them is meant; new codes avoid it."""
    codes = iter(["BCDFGHJK", "BCDFGHJK", "LMNPQRST"])
    monkeypatch.setattr(pairing_codes, "generate_code", lambda: next(codes))
    first = make_code()["pairing_code"]
    second = make_code(by=foreign.manager, at=foreign.register)["pairing_code"]
    assert (first, second) == ("BCDF-GHJK", "LMNP-QRST")
    with across_tenants():
        (row,) = PairingCode.objects.filter(tenant=foreign.register.tenant_id)
        row.code_hash = pairing_codes.hash_pairing_code("BCDFGHJK")
        PairingCode.objects.filter(pk=row.pk).update(code_hash=row.code_hash)

    refused(lambda: pair(first))


def test_code_of_another_shop_is_refused_at_the_host_of_a_shop(
    make_code, other_shop, settings, refused
):
    settings.POS_BASE_DOMAIN = "till.example"
    settings.ALLOWED_HOSTS = ["testserver", ".till.example"]
    code = make_code()["pairing_code"]

    def pair_at(host):
        return Api(Host=host).post(PAIR, {"pairing_code": code})

    refused(lambda: pair_at(f"{other_shop.slug}.till.example"))


# --- guessing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["BCDF-GHJK", "not a code"])
def test_wrong_code_is_refused_and_recorded(make_code, refused, text):
    make_code()

    refused(lambda: pair(text))

    with across_tenants():
        (event,) = AuditEvent.objects.filter(event="pairing_code_failed")
    assert (event.tenant_id, event.actor) == (None, None)
    assert text not in event.actor_name


def test_address_is_limited_to_ten_wrong_codes_in_fifteen_minutes(
    clock, make_code, refused, problem
):
    code = make_code()["pairing_code"]
    for _ in range(10):
        refused(lambda: pair("BCDF-GHJK"))

    answer = pair(code)

    problem(answer, 429, "too_many_attempts")
    assert 0 < int(answer["Retry-After"]) <= 15 * 60
    with across_tenants():
        events = list(AuditEvent.objects.filter(tenant=None).values_list("event", flat=True))
    assert (events.count("pairing_code_failed"), events.count("too_many_attempts")) == (10, 1)
    pair_by_code(code, device=Device(), ip="192.0.2.7")


def test_right_codes_are_not_counted(make_code):
    assert [pair(make_code()["pairing_code"]).status_code for _ in range(12)] == [201] * 12


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_devices_with_one_code_one_is_paired(make_code, register):
    code = make_code()["pairing_code"]

    def use():
        return pair_by_code(code, device=Device(), ip="192.0.2.9")

    outcomes = run_concurrently([use] * 4)

    refusals = [each for each in outcomes if isinstance(each, PairingCodeInvalid)]
    assert (len(outcomes), len(refusals)) == (4, 3)
    assert len(list_terminals()) == 1
