"""Changes of other users that are refused."""

import uuid

import pytest

from accounts.services.users import set_activation
from tenants.exceptions import NotFound
from tests.factories.accounts import PlatformUserFactory
from tests.support.users import snapshot_users

pytestmark = pytest.mark.once

USER_ACTIONS = {
    "edit": ("PATCH", "", {"display_name": "New"}),
    "role": ("PUT", "role/", {"role": "cashier"}),
    "activate": ("PUT", "activation/", None),
    "deactivate": ("DELETE", "activation/", None),
    "reset": ("POST", "reset-password/", None),
}
each_action = pytest.mark.parametrize("action", USER_ACTIONS)


def attempt(api, action, pk):
    method, suffix, body = USER_ACTIONS[action]
    return api.send(method, f"users/{pk}/{suffix}", body, If_Match="*")


@each_action
@pytest.mark.parametrize("target", ["other_manager", "admin"])
def test_attack_078_manager_cannot_change_managers_or_admins(
    action, target, manager, other_admin, client_of, problem, request
):
    person = request.getfixturevalue(target)
    theirs, admin_client, before = client_of(person), client_of(manager), snapshot_users()

    problem(attempt(admin_client, action, person.pk), 403, "permission_denied")
    assert snapshot_users() == before
    assert theirs.get("auth/me/").status_code == 200


def test_manager_cannot_change_the_role_of_a_cashier(manager, cashier, client_of, problem):
    admin_client, before = client_of(manager), snapshot_users()

    response = admin_client.put(f"users/{cashier.pk}/role/", {"role": "manager"}, If_Match="*")

    problem(response, 403, "permission_denied")
    assert snapshot_users() == before


@each_action
def test_cashier_cannot_change_users(action, cashier, other_cashier, client_of, problem):
    till, before = client_of(cashier), snapshot_users()

    problem(attempt(till, action, other_cashier.pk), 403, "permission_denied")
    problem(attempt(till, action, cashier.pk), 403, "permission_denied")
    assert snapshot_users() == before


@pytest.mark.parametrize("action", ["role", "activate", "deactivate", "reset"])
@pytest.mark.parametrize("who", ["admin", "manager"])
def test_attack_078_user_cannot_manage_themselves(
    action, who, other_admin, client_of, problem, request
):
    me = request.getfixturevalue(who)
    admin_client, before = client_of(me), snapshot_users()

    problem(attempt(admin_client, action, me.pk), 403, "permission_denied")
    assert snapshot_users() == before
    assert admin_client.get("auth/me/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager"])
def test_user_can_edit_own_profile_by_the_users_api(who, client_of, request):
    me = request.getfixturevalue(who)

    assert attempt(client_of(me), "edit", me.pk).status_code == 200


# --- other shops ------------------------------------------------------------------------------


def without_request_id(response) -> dict:
    return {
        "status": response.status_code,
        "headers": {
            name: value for name, value in response.headers.items() if name != "X-Request-ID"
        },
        "body": {name: value for name, value in response.json().items() if name != "request_id"},
    }


@pytest.mark.parametrize("who", ["admin", "manager"])
@pytest.mark.parametrize("target", ["foreign", "platform"])
@pytest.mark.parametrize("action", [*USER_ACTIONS, "see"])
def test_attack_072_user_of_another_shop_is_answered_like_an_unknown_one(
    action, target, who, foreign, client_of, request
):
    """The 404 equals that of an unknown id, and nothing changes."""
    admin_client = client_of(request.getfixturevalue(who))
    other_user = foreign.cashier if target == "foreign" else PlatformUserFactory()
    theirs = client_of(foreign.cashier)
    before = snapshot_users()

    def answer(pk):
        if action == "see":
            return without_request_id(admin_client.get(f"users/{pk}/"))
        return without_request_id(attempt(admin_client, action, pk))

    # For managers a role change is refused before the user is loaded.
    assert answer(other_user.pk) == answer(uuid.uuid4())
    assert answer(other_user.pk)["status"] == (403 if (action, who) == ("role", "manager") else 404)
    assert snapshot_users() == before
    assert theirs.get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    "pk", ["1", "-1", "1e3", "0" * 26, "\U0001f34f", "%00", "None", "0" * 32, "x" * 36]
)
def test_invalid_id_gets_404(pk, admin, client_of, problem):
    problem(client_of(admin).get(f"users/{pk}/"), 404, "not_found")


def test_service_finds_no_users_outside_the_current_tenant(in_shop, admin, foreign):
    before = snapshot_users()

    with pytest.raises(NotFound):
        set_activation(user_id=foreign.cashier.pk, active=False, by=admin)
    assert snapshot_users() == before
