"""Change the own password."""

import pytest

from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.parallel import run_concurrently, statuses
from tests.support.users import can_log_in, reload_user

pytestmark = pytest.mark.once

PATH = "auth/password/"
NEW = "eight green bottles"


def change(current=PASSWORD, new=NEW):
    return {"current_password": current, "new_password": new}


def test_changed_password_replaces_the_old_one(cashier, client_of):
    response = client_of(cashier).put(PATH, change())

    assert response.status_code == 200
    assert response.json().keys() == {"access", "refresh", "token_type", "expires_in"}
    assert can_log_in(NEW)
    assert not can_log_in(PASSWORD)


def test_password_change_renews_this_session_and_ends_the_others(cashier, client_of, problem):
    here, there = client_of(cashier), client_of(cashier)

    answer = here.put(PATH, change()).json()

    assert Api(answer["access"]).get("auth/me/").status_code == 200
    next_pair = Api().post("auth/token/refresh/", {"refresh": answer["refresh"]})
    assert next_pair.status_code == 200
    for old in (here, there):
        problem(old.get("auth/me/"), 401, "token_not_valid")
    problem(
        Api().post("auth/token/refresh/", {"refresh": there.tokens.refresh}), 401, "token_not_valid"
    )


def test_refresh_token_from_before_the_change_is_rejected_without_grace(
    cashier, client_of, problem
):
    here = client_of(cashier)
    here.put(PATH, change())

    response = Api().post("auth/token/refresh/", {"refresh": here.tokens.refresh})

    problem(response, 401, "token_not_valid")


def test_change_of_a_temporary_password_lifts_the_requirement(cashier, client_of, problem):
    cashier.must_change_password = True
    cashier.save()
    newcomer = client_of(cashier)
    problem(newcomer.get("auth/me/"), 403, "password_change_required")

    answer = newcomer.put(PATH, change()).json()

    assert Api(answer["access"]).get("auth/me/").json()["must_change_password"] is False


@pytest.mark.parametrize("current", ["wrong", PASSWORD + " ", " " + PASSWORD, PASSWORD.upper()])
def test_wrong_current_password_is_rejected(current, cashier, client_of, problem):
    here = client_of(cashier)

    response = here.put(PATH, change(current=current))

    problem(response, 400, "invalid", {"current_password": "wrong_password"})
    assert can_log_in(PASSWORD)
    assert not can_log_in(NEW)
    assert here.get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (PASSWORD, "password_unchanged"),
        ("short", "password_too_short"),
        ("password123", "password_too_common"),
        ("green grocery!!", "password_too_similar"),
        ("x" * 129, "max_length"),
        ("", "blank"),
        (None, "null"),
        (123456789, "invalid"),
    ],
)
def test_invalid_new_password_is_rejected(new, code, cashier, client_of, problem):
    here = client_of(cashier)

    response = here.put(PATH, change(new=new))

    problem(response, 400, "invalid", {"new_password": code})
    assert can_log_in(PASSWORD)
    assert here.get("auth/me/").status_code == 200


def test_equivalent_unicode_spelling_is_not_a_new_password(cashier, client_of, problem, settings):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    cashier.set_password(PASSWORD)
    cashier.save()

    response = client_of(cashier).put(PATH, change(new="ｓeven green bottles"))  # noqa: RUF001

    problem(response, 400, "invalid", {"new_password": "password_unchanged"})


@pytest.mark.parametrize(
    ("who", "code"),
    [("cashier", None), ("manager", "password_too_short"), ("admin", "password_too_short")],
)
def test_managers_and_admins_need_a_longer_password(who, code, client_of, request, problem):
    me = request.getfixturevalue(who)

    response = client_of(me).put(PATH, change(new="ten legs!!"))

    if code:
        problem(response, 400, "invalid", {"new_password": code})
    else:
        assert response.status_code == 200


def test_blanks_around_a_new_password_are_kept(cashier, client_of):
    client_of(cashier).put(PATH, change(new="  with blanks  "))

    assert can_log_in("  with blanks  ")
    assert not can_log_in("with blanks")


def test_other_fields_are_rejected(cashier, client_of, problem):
    response = client_of(cashier).put(PATH, change() | {"role": "admin"})

    problem(response, 400, "invalid", {"role": "unknown_field"})
    assert can_log_in(PASSWORD)
    assert reload_user(cashier).role == "cashier"


def test_password_change_increments_versions_once(cashier, client_of):
    client_of(cashier).put(PATH, change())

    after = reload_user(cashier)
    assert (after.version, after.token_version) == (2, 2)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_of_two_simultaneous_changes_succeeds(cashier, client_of):
    """The current password of the second change is no longer valid when it runs."""
    first, second = client_of(cashier), client_of(cashier)

    answers = run_concurrently(
        [
            lambda: first.put(PATH, change(new="nine green bottles")),
            lambda: second.put(PATH, change(new="ten green bottles")),
        ]
    )

    # 400: the current password had changed; 401: the session ended before the request was read.
    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 400, 401}
    assert can_log_in("nine green bottles") is not can_log_in("ten green bottles")
