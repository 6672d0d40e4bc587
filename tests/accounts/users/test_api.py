"""Users API: managers and admins list, read and edit the users of the shop."""

import json

import pytest

from accounts.models import User
from tenants.scope import across_tenants
from tests.factories.accounts import PlatformUserFactory
from tests.support.users import reload_user

pytestmark = pytest.mark.once


def test_managers_and_admins_list_all_users_of_the_shop(
    admin, manager, cashier, foreign, client_of
):
    PlatformUserFactory()

    for reader in (admin, manager):
        page = client_of(reader).get("users/").json()
        assert [person["username"] for person in page["results"]] == ["adm", "c1", "mgr"]
        assert "LEAKMARK" not in json.dumps(page)


def test_cashiers_cannot_read_users(cashier, other_cashier, client_of, problem):
    till = client_of(cashier)

    problem(till.get("users/"), 403, "permission_denied")
    problem(till.get(f"users/{other_cashier.pk}/"), 403, "permission_denied")
    problem(till.get(f"users/{cashier.pk}/"), 403, "permission_denied")


def test_manager_sees_email_addresses_of_cashiers_and_own_only(
    manager, admin, other_manager, cashier, client_of
):
    page = client_of(manager).get("users/").json()

    emails = {person["username"]: person["email"] for person in page["results"]}
    assert emails == {
        "adm": None,
        "mgr2": None,
        "mgr": "mgr@green.example",
        "c1": "c1@green.example",
    }


def test_attack_087_user_contains_no_secrets(admin, cashier, client_of):
    shown = client_of(admin).get(f"users/{cashier.pk}/").json()

    assert shown.keys() == {
        "id",
        "username",
        "display_name",
        "email",
        "role",
        "is_active",
        "must_change_password",
        "tenant",
        "version",
        "stores",
        "has_pin",
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"role": "cashier"}, ["c1", "c2"]),
        ({"role": "admin"}, ["adm"]),
        ({"is_active": "false"}, ["c2"]),
        ({"is_active": "true"}, ["adm", "c1"]),
        ({"username": "C1"}, ["c1"]),
        ({"username": "c"}, []),
        ({"ordering": "-username"}, ["c2", "c1", "adm"]),
        ({"ordering": "created_at"}, ["adm", "c1", "c2"]),
        ({"updated_since": "2999-01-01T00:00:00Z"}, []),
        ({"updated_since": "2020-01-01T00:00:00Z"}, ["adm", "c1", "c2"]),
    ],
    ids=str,
)
def test_list_is_filtered_by_role_activation_and_time(
    query, names, admin, cashier, other_cashier, client_of
):
    with across_tenants():
        User.objects.filter(pk=other_cashier.pk).update(is_active=False)

    page = client_of(admin).get("users/", query).json()

    assert [person["username"] for person in page["results"]] == names


@pytest.mark.parametrize(
    "query",
    [
        {"role": "boss"},
        {"is_active": "yes"},
        {"is_active": ""},
        {"password__startswith": "m"},
        {"tenant": "leakmark-b-slug"},
        {"tenant__slug": "leakmark-b-slug"},
        {"token_version__gt": "0"},
        {"is_superuser": "true"},
        {"ordering": "password"},
        {"ordering": "-tenant"},
        {"ordering": "email"},
        {"ordering": ";drop"},
        {"search": "c"},
        {"page": "2"},
    ],
    ids=str,
)
def test_invalid_or_unknown_filter_is_rejected(query, admin, client_of):
    response = client_of(admin).get("users/", query)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["users", "users//", "/users/", "users/../tenant/", "users/;x/"])
def test_attack_090_path_variants_get_404(path, admin, client_of, problem):
    problem(client_of(admin).get(path), 404, "not_found")


# --- editing ----------------------------------------------------------------------------------


def test_manager_edits_a_cashier(manager, cashier, client_of):
    response = client_of(manager).patch(
        f"users/{cashier.pk}/", {"display_name": "Zoë", "email": "z@green.example"}, If_Match='"1"'
    )

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert (response.json()["display_name"], response.json()["version"]) == ("Zoë", 2)
    after = reload_user(cashier)
    assert (after.email, after.token_version) == ("z@green.example", 1)


def test_edit_needs_the_current_version(admin, cashier, client_of, problem):
    admin_client, path = client_of(admin), f"users/{cashier.pk}/"

    problem(admin_client.patch(path, {"display_name": "New"}), 428, "if_match_required")
    assert admin_client.patch(path, {"display_name": "One"}, If_Match='"1"').status_code == 200
    problem(
        admin_client.patch(path, {"display_name": "Two"}, If_Match='"1"'), 412, "version_conflict"
    )
    assert admin_client.patch(path, {"email": ""}, If_Match="*").status_code == 200
    after = reload_user(cashier)
    assert (after.display_name, after.email, after.version) == ("One", "", 3)


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"x"', '"1", "2"', '"-1"', "", '""', '"' + "9" * 30])
def test_if_match_must_be_one_strong_etag(tag, admin, cashier, client_of, problem):
    response = client_of(admin).patch(f"users/{cashier.pk}/", {"email": ""}, If_Match=tag)

    problem(response, 400, "invalid", {"If-Match": "invalid"})
    assert reload_user(cashier).email == "c1@green.example"


def test_edited_user_stays_logged_in(admin, cashier, client_of):
    till = client_of(cashier)

    client_of(admin).patch(f"users/{cashier.pk}/", {"display_name": "New"}, If_Match="*")

    assert till.get("auth/me/").json()["display_name"] == "New"
