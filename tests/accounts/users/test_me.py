"""The own profile."""

import pytest

from tests.factories.accounts import UserFactory
from tests.support.users import reload_user

pytestmark = pytest.mark.once

ME = "auth/me/"


def test_user_reads_own_profile(cashier, shop, client_of):
    response = client_of(cashier).get(ME)

    assert response.status_code == 200
    assert response["ETag"] == '"1"'
    assert response["Cache-Control"] == "no-store"
    assert response.json() == {
        "id": str(cashier.pk),
        "username": "c1",
        "display_name": cashier.display_name,
        "email": "c1@green.example",
        "role": "cashier",
        "is_active": True,
        "must_change_password": False,
        "tenant": {"id": str(shop.pk), "slug": "green", "name": "Green Grocery"},
        "version": 1,
    }


@pytest.mark.parametrize("who", ["cashier", "manager", "admin"])
def test_user_edits_own_name_and_email(who, client_of, request):
    me = request.getfixturevalue(who)

    response = client_of(me).patch(
        ME, {"display_name": "Zoë", "email": "Zoe@New.Example"}, If_Match="*"
    )

    assert response.status_code == 200
    assert response["ETag"] == '"2"'
    assert response.json()["display_name"] == "Zoë"
    assert response.json()["email"] == "Zoe@new.example"
    assert reload_user(me).email == "Zoe@new.example"


def test_omitted_fields_are_unchanged(cashier, client_of):
    client_of(cashier).patch(ME, {"email": ""}, If_Match="*")

    after = reload_user(cashier)
    assert (after.display_name, after.email) == (cashier.display_name, "")


def test_edit_needs_the_current_version(cashier, client_of, problem):
    me = client_of(cashier)

    problem(me.patch(ME, {"display_name": "Zero"}), 428, "if_match_required")
    assert reload_user(cashier).display_name == cashier.display_name
    assert me.patch(ME, {"display_name": "One"}, If_Match='"1"').status_code == 200
    problem(me.patch(ME, {"display_name": "Two"}, If_Match='"1"'), 412, "version_conflict")
    assert reload_user(cashier).display_name == "One"


FORBIDDEN = {
    "role": "admin",
    "is_active": False,
    "username": "other",
    "must_change_password": False,
    "password": "another long password",
    "tenant": "leakmark-b-slug",
    "tenant_id": "leakmark-b-slug",
    "is_staff": True,
    "is_superuser": True,
    "groups": [1],
    "user_permissions": [1],
    "token_version": 7,
    "version": 7,
    "id": "01900000-0000-7000-8000-000000000000",
    "last_login": None,
    "created_at": "2020-01-01T00:00:00Z",
    "__proto__": {"role": "admin"},
    "constructor": {},
}


@pytest.mark.parametrize(("name", "value"), FORBIDDEN.items())
def test_attack_077_other_fields_of_the_profile_are_rejected(
    name, value, cashier, client_of, problem
):
    before = reload_user(cashier).__dict__ | {"_state": None}

    response = client_of(cashier).patch(ME, {"display_name": "New", name: value}, If_Match="*")

    problem(response, 400, "invalid", {name: "unknown_field"})
    assert reload_user(cashier).__dict__ | {"_state": None} == before


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("a@b.co\n", "control_character"),
        ("a@b.co\r\nBcc: x@y.zz", "control_character"),
        ("a" * 250 + "@b.co", "max_length"),
        ("a" * 10_000, "max_length"),
        ('"><script>@b.co', "invalid"),
        ("nobody", "invalid"),
        (None, "null"),
        (5, "invalid"),
    ],
)
def test_attack_084_invalid_email_in_the_profile_is_rejected(
    email, code, cashier, client_of, problem
):
    problem(
        client_of(cashier).patch(ME, {"email": email}, If_Match="*"),
        400,
        "invalid",
        {"email": code},
    )
    assert reload_user(cashier).email == "c1@green.example"


@pytest.mark.parametrize("email", ["mgr@green.example", "MGR@green.example"])
def test_taken_email_is_rejected(email, cashier, manager, client_of, problem):
    problem(client_of(cashier).patch(ME, {"email": email}, If_Match="*"), 409, "email_taken")
    assert reload_user(cashier).email == "c1@green.example"


def test_email_of_a_user_of_another_shop_is_accepted(cashier, client_of, other_shop):
    UserFactory(tenant=other_shop, email="shared@blue.example")

    response = client_of(cashier).patch(ME, {"email": "shared@blue.example"}, If_Match="*")

    assert response.status_code == 200


def test_several_users_can_have_no_email(cashier, shop, client_of):
    UserFactory(tenant=shop, email="")

    assert client_of(cashier).patch(ME, {"email": ""}, If_Match="*").status_code == 200


@pytest.mark.parametrize(
    ("name", "code"),
    [("x" * 101, "max_length"), ("a\nb", "control_character"), (None, "null"), (1, "invalid")],
)
def test_invalid_display_name_is_rejected(name, code, cashier, client_of, problem):
    response = client_of(cashier).patch(ME, {"display_name": name}, If_Match="*")

    problem(response, 400, "invalid", {"display_name": code})


@pytest.mark.parametrize(
    ("body", "code"), [("[]", "invalid"), ('"x"', "invalid"), ("1", "invalid"), ("null", "null")]
)
def test_body_that_is_not_an_object_is_rejected(body, code, cashier, client_of, problem):
    problem(client_of(cashier).patch(ME, body, If_Match="*"), 400, "invalid", {"": code})
