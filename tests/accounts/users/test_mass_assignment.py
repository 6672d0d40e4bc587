"""What is not offered cannot be set, by whatever name."""

import pytest

from tests.support.users import snapshot_users

NEWCOMER = {"username": "new", "role": "cashier"}

SOME_ID = "01900000-0000-7000-8000-000000000000"
MASS_ASSIGNMENT = {
    "tenant": SOME_ID,
    "tenant_id": SOME_ID,
    "is_staff": True,
    "is_superuser": True,
    "is_active": False,
    "groups": [1],
    "user_permissions": [1],
    "token_version": 9,
    "id": SOME_ID,
    "pk": SOME_ID,
    "password_hash": "md5$x$y",
    "username_key": "adm",
    "must_change_password": False,
    "created_at": "2020-01-01T00:00:00Z",
    "version": 9,
    "last_login": None,
    "__proto__": {},
    "constructor": {},
}


@pytest.mark.parametrize(("name", "value"), MASS_ASSIGNMENT.items())
def test_attack_075_what_is_not_offered_cannot_be_set(
    name, value, admin, cashier, client_of, problem
):
    admin_client, before = client_of(admin), snapshot_users()
    path = f"users/{cashier.pk}/"

    hired = admin_client.post("users/", NEWCOMER | {name: value})
    edited = admin_client.patch(path, {"display_name": "New", name: value}, If_Match="*")

    problem(hired, 400, "invalid", {name: "unknown_field"})
    problem(edited, 400, "invalid", {name: "unknown_field"})
    assert snapshot_users() == before


@pytest.mark.parametrize("name", ["role", "username", "password"])
def test_editing_changes_neither_name_nor_rank_nor_password(
    name, admin, cashier, client_of, problem
):
    admin_client, before = client_of(admin), snapshot_users()

    response = admin_client.patch(f"users/{cashier.pk}/", {name: "admin"}, If_Match="*")

    problem(response, 400, "invalid", {name: "unknown_field"})
    assert snapshot_users() == before
