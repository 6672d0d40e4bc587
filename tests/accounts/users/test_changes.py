"""Change roles, deactivate and activate users, reset passwords."""

import pytest

from accounts.models import AuthSession, Pin, User
from tenants.scope import across_tenants
from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.users import can_log_in, reload_user, snapshot_users


@pytest.mark.parametrize("role", ["manager", "admin"])
def test_attack_051_promotion_ends_all_sessions(role, admin, cashier, client_of, problem):
    tills = [client_of(cashier), client_of(cashier)]

    response = client_of(admin).put(f"users/{cashier.pk}/role/", {"role": role}, If_Match="*")

    assert response.status_code == 200
    assert response.json()["role"] == role
    for till in tills:
        problem(till.get("auth/me/"), 401, "token_not_valid")
        refresh = {"refresh": till.tokens.refresh}
        problem(Api().post("auth/token/refresh/", refresh), 401, "token_not_valid")
    with across_tenants():
        sessions = AuthSession.objects.filter(user=cashier)
        assert {each.revoke_reason for each in sessions} == {"role"}


def test_attack_050_demoted_user_loses_rights(admin, manager, cashier, client_of, problem):
    client_of(admin).put(f"users/{manager.pk}/role/", {"role": "cashier"}, If_Match="*")

    body = {"tenant": "green", "username": "mgr", "password": PASSWORD}
    access = Api().post("auth/token/", body).json()["access"]
    problem(Api(access).get("users/"), 403, "permission_denied")


def test_unchanged_role_keeps_sessions(admin, cashier, client_of):
    till = client_of(cashier)

    response = client_of(admin).put(f"users/{cashier.pk}/role/", {"role": "cashier"}, If_Match="*")

    assert response.status_code == 200
    assert response.json()["version"] == 1
    assert till.get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    "role", ["Admin", "ADMIN ", 1, ["admin"], None, "superuser", "", "platform"]
)
def test_attack_081_unknown_role_is_rejected(role, admin, cashier, client_of):
    admin_client, before = client_of(admin), snapshot_users()

    response = admin_client.put(f"users/{cashier.pk}/role/", {"role": role}, If_Match="*")

    assert response.status_code == 400
    assert snapshot_users() == before


# --- activation -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "manager"])
def test_attack_049_deactivation_ends_sessions_immediately(
    role, cashier, client_of, problem, request
):
    till = client_of(cashier)
    admin_client = client_of(request.getfixturevalue(role))

    response = admin_client.delete(f"users/{cashier.pk}/activation/")

    assert response.status_code == 200
    assert response.json()["is_active"] is False
    problem(till.get("auth/me/"), 401, "token_not_valid")
    problem(
        Api().post("auth/token/refresh/", {"refresh": till.tokens.refresh}), 401, "token_not_valid"
    )
    assert not can_log_in(PASSWORD)


def test_activated_user_must_log_in_again(manager, cashier, client_of, problem):
    till, admin_client = client_of(cashier), client_of(manager)
    admin_client.delete(f"users/{cashier.pk}/activation/")

    response = admin_client.put(f"users/{cashier.pk}/activation/", If_Match="*")

    assert response.json()["is_active"] is True
    assert can_log_in(PASSWORD)
    problem(till.get("auth/me/"), 401, "token_not_valid")


@pytest.mark.parametrize("method", ["put", "delete"])
def test_attack_086_repeated_activation_change_acts_once(method, admin, cashier, client_of):
    admin_client, path = client_of(admin), f"users/{cashier.pk}/activation/"
    if method == "put":
        with across_tenants():
            User.objects.filter(pk=cashier.pk).update(is_active=False)

    answers = [getattr(admin_client, method)(path, If_Match="*") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    after = reload_user(cashier)
    assert (after.version, after.token_version) == (2, 2)


# --- password reset ----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "manager"])
def test_password_reset_returns_a_temporary_password(role, cashier, client_of, problem, request):
    till = client_of(cashier)

    response = client_of(request.getfixturevalue(role)).post(f"users/{cashier.pk}/reset-password/")

    assert response.status_code == 200
    assert response.json().keys() == {"temporary_password"}
    problem(till.get("auth/me/"), 401, "token_not_valid")
    assert not can_log_in(PASSWORD)
    assert can_log_in(response.json()["temporary_password"])
    assert reload_user(cashier).must_change_password is True


def test_password_reset_does_not_activate_a_deactivated_user(admin, cashier, client_of):
    admin_client = client_of(admin)
    admin_client.delete(f"users/{cashier.pk}/activation/")

    password = admin_client.post(f"users/{cashier.pk}/reset-password/").json()["temporary_password"]

    assert not can_log_in(password)


# --- versions ----------------------------------------------------------------------------------

CHANGES = {"role": {"role": "manager"}, "activation": None, "pin": {"pin": "482915"}}


@pytest.mark.parametrize("part", CHANGES)
def test_put_needs_the_current_version(part, admin, cashier, client_of, problem):
    admin_client, path, body = client_of(admin), f"users/{cashier.pk}/{part}/", CHANGES[part]
    if part == "activation":
        admin_client.delete(path)
    read = admin_client.get(f"users/{cashier.pk}/")
    newer = admin_client.patch(
        f"users/{cashier.pk}/", {"display_name": "New"}, If_Match=read["ETag"]
    )
    before = read_rows(cashier)

    problem(admin_client.put(path, body), 428, "if_match_required")
    problem(admin_client.put(path, body, If_Match=read["ETag"]), 412, "version_conflict")
    problem(admin_client.put(path, body, If_Match="3"), 400, "invalid", {"If-Match": "invalid"})
    assert read_rows(cashier) == before

    assert admin_client.put(path, body, If_Match=newer["ETag"]).status_code in {200, 204}
    assert read_rows(cashier) != before
    assert admin_client.put(path, body, If_Match="*").status_code in {200, 204}


@pytest.mark.parametrize("part", ["activation", "pin"])
def test_delete_accepts_a_missing_but_not_an_outdated_version(
    part, admin, cashier, client_of, problem
):
    admin_client, path = client_of(admin), f"users/{cashier.pk}/{part}/"
    admin_client.put(f"users/{cashier.pk}/pin/", {"pin": "482915"}, If_Match="*")
    before = read_rows(cashier)

    problem(admin_client.delete(path, If_Match='"99"'), 412, "version_conflict")
    assert read_rows(cashier) == before
    assert admin_client.delete(path).status_code in {200, 204}
    assert read_rows(cashier) != before


def read_rows(user):
    """Return all columns of the user and of the PIN."""
    with across_tenants():
        return list(User.objects.filter(pk=user.pk).values()), list(
            Pin.objects.filter(user=user).values()
        )
