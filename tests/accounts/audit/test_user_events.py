"""Audit events of changes to users."""

import pytest
from structlog.contextvars import bound_contextvars

from accounts.services.users import create_user, set_activation
from tenants.scope import tenant_scope
from tests.accounts.users.test_refusals import USER_ACTIONS, attempt
from tests.factories.accounts import PASSWORD
from tests.support.audit import (
    assert_actor,
    assert_target,
    get_audit_event,
    list_audit_events,
    list_audit_names,
)
from tests.support.users import build_credentials, reload_user


def test_new_user_is_recorded_without_the_password(admin_client, admin):
    admin_client.post(
        "users/", {"username": "new", "role": "manager", "password": "a long enough one"}
    )

    found = get_audit_event("user_created")
    assert assert_actor(found, admin)
    assert (found.target_name, found.facts) == ("new", {"role": "manager"})


def test_user_created_without_an_actor_is_recorded_without_one(shop):
    with tenant_scope(shop):
        user, _ = create_user(username="new", role="cashier", by=None)

    found = get_audit_event("user_created")
    assert (found.actor, found.actor_name) == (None, "")
    assert assert_target(found, user)


def test_edit_records_field_names_and_not_values(admin_client, admin, cashier):
    change = {"display_name": cashier.display_name, "email": "secret@green.example"}
    admin_client.patch(f"users/{cashier.pk}/", change, If_Match="*")

    found = get_audit_event("user_edited")
    assert assert_actor(found, admin)
    assert assert_target(found, cashier)
    assert found.facts == {"fields": ["email"]}


def test_edit_without_changes_is_not_recorded(admin_client, cashier):
    admin_client.patch(f"users/{cashier.pk}/", {"display_name": cashier.display_name}, If_Match="*")

    assert list_audit_names() == []


def test_edit_of_the_own_profile_is_recorded(cashier, client_of):
    client_of(cashier).patch("auth/me/", {"display_name": "Zoë"}, If_Match="*")

    found = get_audit_event("user_edited")
    assert (found.actor, found.target, found.facts) == (
        cashier.pk,
        cashier.pk,
        {"fields": ["display_name"]},
    )


def test_role_change_records_old_and_new_role_once(admin_client, admin, cashier):
    admin_client.put(f"users/{cashier.pk}/role/", {"role": "manager"}, If_Match="*")
    admin_client.put(f"users/{cashier.pk}/role/", {"role": "manager"}, If_Match="*")

    found = get_audit_event("role_changed")
    assert assert_actor(found, admin)
    assert assert_target(found, cashier)
    assert found.facts == {"from": "cashier", "to": "manager"}


def test_deactivation_and_activation_are_each_recorded_once(admin_client, admin, cashier):
    for method in (admin_client.delete, admin_client.delete, admin_client.put, admin_client.put):
        method(f"users/{cashier.pk}/activation/", If_Match="*")

    assert list_audit_names() == ["user_deactivated", "user_activated"]
    assert assert_actor(get_audit_event("user_deactivated"), admin)
    assert assert_target(get_audit_event("user_activated"), reload_user(cashier))


def test_password_reset_records_no_password(admin_client, admin, cashier):
    answer = admin_client.post(f"users/{cashier.pk}/reset-password/").json()

    found = get_audit_event("password_reset")
    assert assert_actor(found, admin)
    assert assert_target(found, cashier)
    assert answer["temporary_password"] not in repr(vars(found))


def test_own_password_change_records_the_number_of_ended_sessions(cashier, client_of):
    here, _ = client_of(cashier), client_of(cashier)

    change = {"current_password": PASSWORD, "new_password": "eight green bottles"}
    here.put("auth/password/", change)

    assert assert_actor(get_audit_event("password_changed"), cashier)
    assert get_audit_event("password_changed").facts == {"sessions": 1}


@pytest.mark.django_db(transaction=True)
def test_failed_own_password_changes_are_recorded_despite_the_rollback(cashier, client_of, clock):
    here = client_of(cashier)
    change = {"current_password": "wrong", "new_password": "eight green bottles"}

    for _ in range(7):
        here.put("auth/password/", change)

    # The wait starts with the attempt that reaches the limit, before the password is checked.
    assert sorted(list_audit_names()) == ["password_change_failed"] * 5 + ["too_many_attempts"]
    found = get_audit_event("too_many_attempts")
    assert assert_actor(found, cashier)
    assert found.facts == {"limit": "own_password", "waits_until": "2026-03-02T08:01:00Z"}


def test_ending_a_users_sessions_records_their_number(admin_client, admin, cashier, client_of):
    client_of(cashier)

    admin_client.delete(f"users/{cashier.pk}/sessions/")

    found = get_audit_event("sessions_ended")
    assert assert_actor(found, admin)
    assert assert_target(found, cashier)
    assert found.facts == {"sessions": 1}


def test_shop_sees_platform_actions_without_person_and_address(root, cashier, shop):
    with tenant_scope(shop), bound_contextvars(ip="192.0.2.7"):
        set_activation(user_id=cashier.pk, active=False, by=root)

    at_platform, in_shop = list_audit_events("user_deactivated")
    assert (in_shop.tenant, in_shop.actor, in_shop.actor_name) == (shop, None, "Platform")
    assert (in_shop.ip, in_shop.session, in_shop.facts) == (None, None, {})
    assert assert_actor(at_platform, root)
    assert (at_platform.ip, at_platform.facts) == ("192.0.2.7", {"shop": "green"})
    assert assert_target(at_platform, reload_user(cashier))


def test_user_named_platform_is_still_shown_with_id_and_address(admin_client, admin, shop):
    admin.display_name = "Platform"
    admin.save()

    admin_client.post("users/", {"username": "new", "role": "cashier"})

    (found,) = (each for each in admin_client.get("audit/").json()["results"])
    assert found["actor"] == {"id": str(admin.pk), "name": "Platform"}
    assert found["ip"] == "127.0.0.1"


@pytest.mark.parametrize("action", USER_ACTIONS)
def test_denied_action_records_only_the_denial(action, manager, other_admin, client_of):
    attempt(client_of(manager), action, other_admin.pk)

    assert list_audit_names() == ["permission_denied"]


@pytest.mark.parametrize("body", [{"username": "c1", "role": "cashier"}, build_credentials()])
def test_rejected_new_user_is_not_recorded(body, admin_client, cashier):
    assert admin_client.post("users/", body).status_code >= 400

    assert list_audit_names() == []
