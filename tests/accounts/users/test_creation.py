"""Create users by the API."""

import pytest

from accounts.models import Role, User
from tenants.scope import across_tenants
from tests.factories.accounts import PlatformUserFactory
from tests.support.parallel import run_times, statuses
from tests.support.users import can_log_in, snapshot_users

pytestmark = pytest.mark.once

NEW_USER = {"username": "new", "role": "cashier"}


def test_created_user_without_a_password_gets_a_temporary_one_shown_once(admin, client_of):
    admin_client = client_of(admin)

    response = admin_client.post("users/", NEW_USER | {"email": "new@green.example"})

    answer = response.json()
    assert response.status_code == 201
    assert response["ETag"] == '"1"'
    assert answer["must_change_password"] is True
    assert answer["tenant"]["slug"] == "green"
    assert (answer["username"], answer["role"]) == ("new", "cashier")
    assert can_log_in(answer["temporary_password"], username="new")
    assert "temporary_password" not in admin_client.get(f"users/{answer['id']}/").json()


def test_temporary_passwords_are_random(admin, client_of):
    admin_client = client_of(admin)
    passwords = {
        admin_client.post("users/", {"username": f"new{n}", "role": "admin"}).json()[
            "temporary_password"
        ]
        for n in range(5)
    }

    assert len(passwords) == 5
    assert all(len(password) == 23 for password in passwords)


def test_given_password_is_not_shown_and_must_be_changed(manager, client_of):
    response = client_of(manager).post("users/", NEW_USER | {"password": " with blanks "})

    answer = response.json()
    assert response.status_code == 201
    assert answer["temporary_password"] is None
    assert answer["must_change_password"] is True
    assert can_log_in(" with blanks ", username="new")


@pytest.mark.parametrize("role", Role.values)
def test_admins_create_users_of_every_role(role, admin, client_of):
    response = client_of(admin).post("users/", NEW_USER | {"role": role})

    assert response.status_code == 201
    assert response.json()["role"] == role


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_managers_cannot_create_managers_or_admins(role, manager, client_of, problem):
    before = snapshot_users()

    response = client_of(manager).post("users/", NEW_USER | {"role": role})

    problem(response, 403, "permission_denied")
    assert snapshot_users() == before


def test_cashiers_cannot_create_users(cashier, client_of, problem):
    till, before = client_of(cashier), snapshot_users()

    problem(till.post("users/", NEW_USER), 403, "permission_denied")
    assert snapshot_users() == before


@pytest.mark.parametrize(
    "role", ["Admin", "ADMIN ", "admin ", 1, ["admin"], None, "superuser", "", True, {}]
)
def test_attack_081_unknown_role_at_creation_is_rejected(role, admin, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    answer = admin_client.post("users/", NEW_USER | {"role": role}).json()

    assert (answer["status"], answer["code"]) == (400, "invalid")
    assert [error["field"] for error in answer["errors"]] == ["role"]
    assert snapshot_users() == before


@pytest.mark.parametrize(
    ("username", "code"),
    [
        ("x", "invalid"),
        ("with blank", "invalid"),
        (" new", "invalid"),
        ("new\n", "control_character"),
        ("x" * 33, "max_length"),
        ("Zoë", "invalid"),
        ("\u0441ashier", "invalid"),
        ("ﬃ" * 32, "max_length"),
        ("<script>", "invalid"),
        ("", "blank"),
        (None, "null"),
        (123, "invalid"),
    ],
)
def test_invalid_username_is_rejected(username, code, admin, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    response = admin_client.post("users/", NEW_USER | {"username": username})

    problem(response, 400, "invalid", {"username": code})
    assert snapshot_users() == before


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("a@b.co\n", "control_character"),
        ("x" * 10_000, "max_length"),
        ('"><script>', "invalid"),
        ("a@b.co\r\nBcc: x@y.zz", "control_character"),
    ],
)
def test_attack_084_invalid_email_at_creation_is_rejected(email, code, admin, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    problem(
        admin_client.post("users/", NEW_USER | {"email": email}), 400, "invalid", {"email": code}
    )
    assert snapshot_users() == before


@pytest.mark.parametrize(
    ("role", "password", "code"),
    [
        ("cashier", "7 bottl", "password_too_short"),
        ("manager", "fourteen signs", "password_too_short"),
        ("admin", "fourteen signs", "password_too_short"),
        ("cashier", "password1", "password_too_common"),
        ("cashier", "newcomer7", "password_too_similar"),
        ("cashier", "x" * 129, "max_length"),
        ("cashier", "", "blank"),
    ],
)
def test_weak_password_is_rejected(role, password, code, admin, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()
    body = {"username": "newcomer", "role": role, "password": password}

    problem(admin_client.post("users/", body), 400, "invalid", {"password": code})
    assert snapshot_users() == before


@pytest.mark.parametrize("username", ["c1", "C1"])
def test_attack_083_taken_username_is_rejected_in_any_case(
    username, admin, cashier, client_of, problem
):
    admin_client, before = client_of(admin), snapshot_users()

    problem(admin_client.post("users/", NEW_USER | {"username": username}), 409, "username_taken")
    assert snapshot_users() == before


def test_attack_083_username_of_another_shop_is_accepted(admin, other_shop, client_of):
    response = client_of(admin).post("users/", {"username": "c1", "role": "cashier"})

    assert response.status_code == 201
    assert response.json()["tenant"]["slug"] == "green"


def test_username_of_a_platform_user_is_accepted(admin, client_of):
    PlatformUserFactory(username="root")

    response = client_of(admin).post("users/", {"username": "root", "role": "cashier"})

    assert response.status_code == 201


def test_taken_email_is_rejected_in_any_case(admin, cashier, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()
    body = NEW_USER | {"email": "C1@GREEN.example"}

    problem(admin_client.post("users/", body), 409, "email_taken")
    assert snapshot_users() == before


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_083_simultaneous_creations_of_one_username_create_one_user(admin, client_of):
    admin_client = client_of(admin)

    answers = run_times(6, lambda: admin_client.post("users/", NEW_USER))

    assert statuses(answers) == {201: 1, 409: 5}
    with across_tenants():
        assert User.objects.filter(username="new").count() == 1
