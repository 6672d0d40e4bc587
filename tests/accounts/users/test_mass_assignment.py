"""Fields that the API does not offer cannot be set."""

import pytest

from tests.support.users import snapshot_users

NEW_USER = {"username": "new", "role": "cashier"}

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
def test_attack_075_unknown_fields_are_rejected_at_creation_and_edit(
    name, value, admin, cashier, client_of, problem
):
    admin_client, before = client_of(admin), snapshot_users()
    path = f"users/{cashier.pk}/"

    created = admin_client.post("users/", NEW_USER | {name: value})
    edited = admin_client.patch(path, {"display_name": "New", name: value}, If_Match="*")

    problem(created, 400, "invalid", {name: "unknown_field"})
    problem(edited, 400, "invalid", {name: "unknown_field"})
    assert snapshot_users() == before


@pytest.mark.parametrize("name", ["role", "username", "password"])
def test_edit_cannot_change_role_username_or_password(name, admin, cashier, client_of, problem):
    admin_client, before = client_of(admin), snapshot_users()

    response = admin_client.patch(f"users/{cashier.pk}/", {name: "admin"}, If_Match="*")

    problem(response, 400, "invalid", {name: "unknown_field"})
    assert snapshot_users() == before
