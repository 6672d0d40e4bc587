"""Set and remove PINs."""

import pytest

from accounts.models import Pin
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PASSWORD
from tests.support.terminals import (
    OTHER_PIN,
    PIN,
    WRONG_PIN,
    give_pin,
    list_end_reasons,
    list_terminal_events,
    snapshot_pins,
)
from tests.support.users import can_log_in

pytestmark = pytest.mark.once


def pin_path(user):
    return f"users/{user.pk}/pin/"


@pytest.mark.parametrize(
    ("who", "whose", "may"),
    [
        ("cashier", "cashier", True),
        ("manager", "manager", True),
        ("admin", "admin", True),
        ("manager", "cashier", True),
        ("admin", "cashier", True),
        ("admin", "manager", True),
        ("admin", "other_admin", True),
        ("cashier", "other_cashier", False),
        ("cashier", "manager", False),
        ("manager", "other_manager", False),
        ("manager", "admin", False),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_roles_that_can_set_and_remove_a_pin(method, who, whose, may, client_of, request, problem):
    user, by = request.getfixturevalue(whose), request.getfixturevalue(who)
    give_pin(user)
    before = snapshot_pins()

    body = {"pin": OTHER_PIN} if method == "PUT" else None
    response = client_of(by).send(method, pin_path(user), body, If_Match="*")

    if may:
        assert (response.status_code, response.content) == (204, b"")
        assert snapshot_pins() != before
        (event,) = list_terminal_events("pin_set", "pin_removed")
        assert (event.actor, event.target) == (by.pk, user.pk)
        assert OTHER_PIN not in str(event.facts)
    else:
        problem(response, 403, "permission_denied")
        assert snapshot_pins() == before
        assert list_terminal_events("pin_set", "pin_removed") == []


def test_attack_132_pin_of_a_colleague_is_accepted(
    manager, cashier, other_cashier, client_of, pin_pad
):
    """A refusal would reveal the PIN of a colleague."""
    give_pin(other_cashier)

    assert client_of(manager).put(pin_path(cashier), {"pin": PIN}, If_Match="*").status_code == 204

    hashes = [row["digits_hash"] for row in snapshot_pins()]
    assert len(set(hashes)) == 2
    assert pin_pad.enter(cashier).json()["user"]["id"] == str(cashier.pk)
    assert pin_pad.enter(other_cashier).json()["user"]["id"] == str(other_cashier.pk)


EASY = (
    "111111 000000 123456 654321 890123 321098 121212 123123 112233 12341234 1212121 123456789 "
    "199004 041990 19900427 27041990 147258 159753"
).split()


@pytest.mark.parametrize("digits", [digits for digits in EASY if len(digits) <= 8])
def test_attack_132_common_pin_is_rejected(digits, cashier, client_of, problem):
    response = client_of(cashier).put(pin_path(cashier), {"pin": digits}, If_Match="*")

    problem(response, 400, "invalid", {"pin": "pin_too_common"})
    assert snapshot_pins() == []


@pytest.mark.parametrize("digits", [PIN, OTHER_PIN, "0482915", "48291573", "012489", "270490"])
def test_pin_of_six_to_eight_digits_is_accepted(digits, cashier, client_of, pin_pad):
    assert (
        client_of(cashier).put(pin_path(cashier), {"pin": digits}, If_Match="*").status_code == 204
    )

    assert pin_pad.enter(cashier, digits).status_code == 200


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        (482915, "invalid"),
        (48291.5, "invalid"),
        (True, "invalid"),
        (None, "null"),
        (["482915"], "invalid"),
        ("", "blank"),
        ("48291", "invalid"),
        ("1234", "invalid"),
        ("482915731", "max_length"),
        ("482915 ", "invalid"),
        (" 482915", "invalid"),
        ("482 915", "invalid"),
        ("-482915", "invalid"),
        ("48291\u0665", "invalid"),
        ("\uff14\uff18\uff12\uff19\uff11\uff15", "invalid"),
        ("48291a", "invalid"),
        ("482915\n", "control_character"),
        ("4" * 1_000_000, "max_length"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_attack_129_anything_but_a_string_of_digits_is_rejected(
    pin, code, cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    till, before = client_of(cashier), snapshot_pins()

    problem(till.put(pin_path(cashier), {"pin": pin}, If_Match="*"), 400, "invalid", {"pin": code})
    problem(pin_pad.enter(cashier, pin), 400, "invalid", {"pin": code})

    assert snapshot_pins() == before
    assert list_terminal_events("pin_failed") == []


def test_attack_129_leading_zero_is_significant(cashier, pin_pad, problem):
    give_pin(cashier, "0482915")

    problem(pin_pad.enter(cashier, "482915"), 401, "invalid_credentials")

    assert pin_pad.enter(cashier, "0482915").status_code == 200


def test_body_above_one_mebibyte_is_rejected(cashier, client_of, problem):
    response = client_of(cashier).put(pin_path(cashier), {"pin": "4" * 1_100_000}, If_Match="*")

    problem(response, 413, "body_too_large")


def test_new_pin_ends_only_the_pin_sessions(cashier, client_of, pin_pad, problem):
    give_pin(cashier)
    till, office_client = pin_pad.till_of(cashier), client_of(cashier)

    office_client.put(pin_path(cashier), {"pin": OTHER_PIN}, If_Match="*")

    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert office_client.get("auth/me/").status_code == 200
    assert list_end_reasons() == ["pin"]
    problem(pin_pad.enter(cashier, PIN), 401, "invalid_credentials")
    assert pin_pad.enter(cashier, OTHER_PIN).status_code == 200


def test_removed_pin_ends_pin_sessions_and_leaves_the_password(
    cashier, client_of, pin_pad, problem
):
    give_pin(cashier)
    till = pin_pad.till_of(cashier)

    client_of(cashier).delete(pin_path(cashier))

    problem(till.get("auth/me/"), 401, "token_not_valid")
    problem(pin_pad.enter(cashier), 401, "invalid_credentials")
    assert pin_pad.get("auth/pin/users/").json()["results"] == []
    assert can_log_in(PASSWORD)


def test_removing_a_missing_pin_records_nothing(cashier, client_of):
    assert client_of(cashier).delete(pin_path(cashier)).status_code == 204
    assert list_terminal_events("pin_removed") == []


def test_user_of_another_shop_gets_404(admin, foreign, client_of, problem):
    give_pin(foreign.cashier)
    admin_client, before = client_of(admin), snapshot_pins()

    problem(
        admin_client.put(pin_path(foreign.cashier), {"pin": OTHER_PIN}, If_Match="*"),
        404,
        "not_found",
    )
    problem(admin_client.delete(pin_path(foreign.cashier)), 404, "not_found")

    assert snapshot_pins() == before


def test_users_show_whether_they_have_a_pin_and_never_the_pin(manager, cashier, client_of):
    office_client, path = client_of(manager), f"users/{cashier.pk}/"
    assert office_client.get(path).json()["has_pin"] is False

    office_client.put(pin_path(cashier), {"pin": PIN}, If_Match="*")

    page = office_client.get("users/")
    assert {row["username"]: row["has_pin"] for row in page.json()["results"]} == {
        "c1": True,
        "mgr": False,
    }
    assert PIN not in page.content.decode()
    assert snapshot_pins()[0]["digits_hash"] not in page.content.decode()


# --- storage -----------------------------------------------------------------------------------


def test_pin_hash_is_bound_to_its_user(cashier, other_cashier, shop):
    mine = give_pin(cashier)

    with tenant_scope(shop):
        moved = Pin(user=other_cashier, digits_hash=mine.digits_hash)
        assert mine.check_digits(PIN)
        assert not moved.check_digits(PIN)


def test_pin_hash_and_password_hash_are_not_interchangeable(cashier, shop):
    """The hashed text of a PIN begins with a character that no password can contain."""
    mine = give_pin(cashier)
    with tenant_scope(shop):
        cashier.password = mine.digits_hash

        assert not cashier.check_password(PIN)
        assert not Pin(user=cashier, digits_hash=mine.digits_hash).check_digits(WRONG_PIN)


def test_pin_hash_gets_the_newest_pepper_at_login(cashier, shop, settings, pin_pad):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    give_pin(cashier)
    seen = [snapshot_pins()[0]["digits_hash"]]
    settings.PASSWORD_HASHERS = [
        "accounts.security.hashers.PepperedArgon2PasswordHasher",
        "accounts.security.hashers.LeanArgon2PasswordHasher",
    ]
    for peppers in ({1: "one" * 12}, {1: "one" * 12, 2: "two" * 12}):
        settings.PASSWORD_PEPPERS = peppers
        assert pin_pad.enter(cashier).status_code == 200
        seen.append(snapshot_pins()[0]["digits_hash"])

    assert [each.partition("$argon2id")[0] for each in seen] == [
        "argon2",
        "argon2pep$v1",
        "argon2pep$v2",
    ]
    settings.PASSWORD_PEPPERS = {2: "lost" * 12}
    assert pin_pad.enter(cashier).status_code == 401


def test_renewed_hash_does_not_overwrite_a_simultaneous_pin_change(cashier, shop, settings):
    pin = give_pin(cashier)
    with across_tenants():
        Pin.objects.update(digits_hash="changed meanwhile")
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]

    with tenant_scope(shop):
        assert pin.check_digits(PIN)

    assert snapshot_pins()[0]["digits_hash"] == "changed meanwhile"
