"""What people may not do to each other."""

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
each_deed = pytest.mark.parametrize("deed", USER_ACTIONS)


def attempt(api, deed, pk):
    method, suffix, body = USER_ACTIONS[deed]
    return api.send(method, f"users/{pk}/{suffix}", body, If_Match="*")


@each_deed
@pytest.mark.parametrize("target", ["other_manager", "admin"])
def test_attack_078_a_manager_changes_no_manager_and_no_admin(
    deed, target, manager, other_admin, client_of, problem, request
):
    person = request.getfixturevalue(target)
    theirs, admin_client, before = client_of(person), client_of(manager), snapshot_users()

    problem(attempt(admin_client, deed, person.pk), 403, "permission_denied")
    assert snapshot_users() == before
    assert theirs.get("auth/me/").status_code == 200


def test_a_manager_changes_no_role_of_a_cashier(manager, cashier, client_of, problem):
    admin_client, before = client_of(manager), snapshot_users()

    response = admin_client.put(f"users/{cashier.pk}/role/", {"role": "manager"}, If_Match="*")

    problem(response, 403, "permission_denied")
    assert snapshot_users() == before


@each_deed
def test_a_cashier_changes_nobody(deed, cashier, other_cashier, client_of, problem):
    till, before = client_of(cashier), snapshot_users()

    problem(attempt(till, deed, other_cashier.pk), 403, "permission_denied")
    problem(attempt(till, deed, cashier.pk), 403, "permission_denied")
    assert snapshot_users() == before


@pytest.mark.parametrize("deed", ["role", "activate", "deactivate", "reset"])
@pytest.mark.parametrize("who", ["admin", "manager"])
def test_attack_078_nobody_does_it_to_himself(deed, who, other_admin, client_of, problem, request):
    me = request.getfixturevalue(who)
    admin_client, before = client_of(me), snapshot_users()

    problem(attempt(admin_client, deed, me.pk), 403, "permission_denied")
    assert snapshot_users() == before
    assert admin_client.get("auth/me/").status_code == 200


@pytest.mark.parametrize("who", ["admin", "manager"])
def test_everybody_may_edit_his_own_profile_here_too(who, client_of, request):
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
@pytest.mark.parametrize("deed", [*USER_ACTIONS, "see"])
def test_attack_072_somebody_elsewhere_is_like_nobody(
    deed, target, who, foreign, client_of, request
):
    """A 404 that says no more than that of an id which nobody has, and nothing happens."""
    admin_client = client_of(request.getfixturevalue(who))
    somebody = foreign.cashier if target == "foreign" else PlatformUserFactory()
    theirs = client_of(foreign.cashier)
    before = snapshot_users()

    def answer(pk):
        if deed == "see":
            return without_request_id(admin_client.get(f"users/{pk}/"))
        return without_request_id(attempt(admin_client, deed, pk))

    # Managers are refused a change of role before anybody looks who it is about.
    assert answer(somebody.pk) == answer(uuid.uuid4())
    assert answer(somebody.pk)["status"] == (403 if (deed, who) == ("role", "manager") else 404)
    assert snapshot_users() == before
    assert theirs.get("auth/me/").status_code == 200


@pytest.mark.parametrize(
    "pk", ["1", "-1", "1e3", "0" * 26, "\U0001f34f", "%00", "None", "0" * 32, "x" * 36]
)
def test_what_is_no_id_is_nobody(pk, admin, client_of, problem):
    problem(client_of(admin).get(f"users/{pk}/"), 404, "not_found")


def test_a_service_finds_nobody_outside_the_shop_in_scope(in_shop, admin, foreign):
    before = snapshot_users()

    with pytest.raises(NotFound):
        set_activation(user=foreign.cashier, active=False, by=admin)
    assert snapshot_users() == before
