"""Replacing one's own password."""

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


def test_the_new_password_is_good_and_the_old_one_is_not(cashier, client_of):
    response = client_of(cashier).put(PATH, change())

    assert response.status_code == 200
    assert response.json().keys() == {"access", "refresh", "token_type", "expires_in"}
    assert can_log_in(NEW)
    assert not can_log_in(PASSWORD)


def test_this_session_goes_on_with_new_tokens_and_every_other_ends(cashier, client_of, problem):
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


def test_the_refresh_token_from_before_is_worth_nothing_not_even_in_grace(
    cashier, client_of, problem
):
    here = client_of(cashier)
    here.put(PATH, change())

    response = Api().post("auth/token/refresh/", {"refresh": here.tokens.refresh})

    problem(response, 401, "token_not_valid")


def test_a_temporary_password_is_replaced_for_good(cashier, client_of, problem):
    cashier.must_change_password = True
    cashier.save()
    newcomer = client_of(cashier)
    problem(newcomer.get("auth/me/"), 403, "password_change_required")

    answer = newcomer.put(PATH, change()).json()

    assert Api(answer["access"]).get("auth/me/").json()["must_change_password"] is False


@pytest.mark.parametrize("current", ["wrong", PASSWORD + " ", " " + PASSWORD, PASSWORD.upper()])
def test_without_the_present_password_nothing_changes(current, cashier, client_of, problem):
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
def test_a_new_password_must_be_one(new, code, cashier, client_of, problem):
    here = client_of(cashier)

    response = here.put(PATH, change(new=new))

    problem(response, 400, "invalid", {"new_password": code})
    assert can_log_in(PASSWORD)
    assert here.get("auth/me/").status_code == 200


def test_the_same_password_in_other_letters_is_no_new_one(cashier, client_of, problem, settings):
    settings.PASSWORD_HASHERS = ["accounts.security.hashers.LeanArgon2PasswordHasher"]
    cashier.set_password(PASSWORD)
    cashier.save()

    response = client_of(cashier).put(PATH, change(new="ｓeven green bottles"))  # noqa: RUF001

    problem(response, 400, "invalid", {"new_password": "password_unchanged"})


@pytest.mark.parametrize(
    ("who", "code"),
    [("cashier", None), ("manager", "password_too_short"), ("admin", "password_too_short")],
)
def test_who_can_change_the_shop_needs_a_longer_one(who, code, client_of, request, problem):
    me = request.getfixturevalue(who)

    response = client_of(me).put(PATH, change(new="ten legs!!"))

    if code:
        problem(response, 400, "invalid", {"new_password": code})
    else:
        assert response.status_code == 200


def test_a_new_password_with_blanks_is_taken_as_it_is(cashier, client_of):
    client_of(cashier).put(PATH, change(new="  with blanks  "))

    assert can_log_in("  with blanks  ")
    assert not can_log_in("with blanks")


def test_nothing_else_can_be_set_here(cashier, client_of, problem):
    response = client_of(cashier).put(PATH, change() | {"role": "admin"})

    problem(response, 400, "invalid", {"role": "unknown_field"})
    assert can_log_in(PASSWORD)
    assert reload_user(cashier).role == "cashier"


def test_everything_before_counts_as_one_change(cashier, client_of):
    client_of(cashier).put(PATH, change())

    after = reload_user(cashier)
    assert (after.version, after.token_version) == (2, 2)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_changes_at_once_one_wins(cashier, client_of):
    """The second one's present password is no more when its turn comes."""
    first, second = client_of(cashier), client_of(cashier)

    answers = run_concurrently(
        [
            lambda: first.put(PATH, change(new="nine green bottles")),
            lambda: second.put(PATH, change(new="ten green bottles")),
        ]
    )

    # 400: the password was another one; 401: the session had ended before the request was read.
    assert statuses(answers)[200] == 1
    assert set(statuses(answers)) <= {200, 400, 401}
    assert can_log_in("nine green bottles") is not can_log_in("ten green bottles")
