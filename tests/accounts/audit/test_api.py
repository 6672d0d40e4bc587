"""Audit log API: managers and admins read the events of their own shop, newest first."""

import uuid
from datetime import timedelta

import pytest

from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.support.api import Api
from tests.support.audit import get_audit_event, list_audit_events
from tests.support.token_refresh import MORNING
from tests.support.users import LOG_IN, build_credentials

PATH = "audit/"


@pytest.fixture
def manager_client(clock, manager, client_of):
    return client_of(manager)


@pytest.fixture
def recorded_events(manager_client, shop, manager, cashier, other_cashier, clock):
    """Record four events, an hour apart."""
    with tenant_scope(shop):
        for name, actor, target in (
            ("user_created", manager, cashier),
            ("role_changed", manager, other_cashier),
            ("log_in_ok", cashier, None),
            ("log_in_failed", cashier, None),
        ):
            audit.record(name, actor=actor, target=target)
            clock.shift(timedelta(hours=1))
    clock.move_to(MORNING)


def list_events(api, **query):
    response = api.get(PATH, query)
    assert response.status_code == 200, response.content
    return response.json()["results"]


def list_event_names(api, **query):
    return [each["event"] for each in list_events(api, **query)]


def test_event_shows_name_time_actor_target_session_and_address(
    manager_client, manager, cashier, client_of
):
    other = client_of(manager)
    other.post(f"users/{cashier.pk}/reset-password/", X_Request_ID="r-1")

    (found,) = list_events(manager_client)

    assert found == {
        "id": str(get_audit_event("password_reset").pk),
        "event": "password_reset",
        "at": "2026-03-02T08:00:00Z",
        "actor": {"id": str(manager.pk), "name": str(manager)},
        "target": {"type": "user", "id": str(cashier.pk), "name": str(cashier)},
        "facts": {},
        "session": str(other.session.pk),
        "ip": "127.0.0.1",
        "request_id": "r-1",
    }
    alone = manager_client.get(f"{PATH}{found['id']}/")
    assert alone.json() == found
    ensure_documented(alone, "get", "audit-detail")


def test_unknown_actor_has_no_id_and_missing_actor_is_null(manager_client, shop, anonymous):
    anonymous.post(LOG_IN, build_credentials(username="nobody"))
    with tenant_scope(shop):
        audit.record("prices_imported")

    without_actor, unknown_actor = list_events(manager_client)

    assert (without_actor["actor"], without_actor["target"]) == (None, None)
    assert unknown_actor["actor"] == {"id": None, "name": audit.hash_name("nobody")}
    assert unknown_actor["facts"] == {"reason": "unknown_user"}
    ensure_documented(manager_client.get(PATH), "get", "audit-list")


@pytest.mark.usefixtures("recorded_events")
def test_list_is_ordered_newest_first_and_can_be_reversed(manager_client):
    newest = ["log_in_failed", "log_in_ok", "role_changed", "user_created"]

    assert list_event_names(manager_client) == newest
    assert list_event_names(manager_client, ordering="created_at") == newest[::-1]


@pytest.mark.usefixtures("recorded_events")
def test_list_is_filtered_by_event_actor_and_target(
    manager_client, manager, cashier, other_cashier
):
    assert list_event_names(manager_client, event="log_in_ok") == ["log_in_ok"]
    assert list_event_names(manager_client, event="log_in") == []
    assert list_event_names(manager_client, actor=str(manager.pk)) == [
        "role_changed",
        "user_created",
    ]
    assert list_event_names(manager_client, target=str(other_cashier.pk)) == ["role_changed"]
    assert list_event_names(manager_client, actor=str(cashier.pk), event="log_in_ok") == [
        "log_in_ok"
    ]
    assert list_event_names(manager_client, actor=str(uuid.uuid4())) == []


@pytest.mark.usefixtures("recorded_events")
def test_time_range_includes_its_start_and_excludes_its_end(manager_client):
    span = {"created_after": "2026-03-02T09:00:00Z", "created_before": "2026-03-02T11:00:00Z"}

    assert list_event_names(manager_client, **span) == ["log_in_ok", "role_changed"]


@pytest.mark.usefixtures("recorded_events")
def test_list_is_paginated(manager_client):
    first = manager_client.get(PATH, {"page_size": "3"}).json()
    second = manager_client.client.get(first["next"], headers=manager_client.defaults).json()

    assert len(first["results"]) == 3
    assert [each["event"] for each in second["results"]] == ["user_created"]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"actor_name": "x"}, "actor_name"),
        ({"facts__reason": "x"}, "facts__reason"),
        ({"ip": "127.0.0.1"}, "ip"),
        ({"tenant": "x"}, "tenant"),
        ({"actor": "x"}, "actor"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"ordering": "actor_name"}, "ordering"),
    ],
    ids=str,
)
def test_invalid_or_unknown_filter_is_rejected(query, field, manager_client):
    response = manager_client.get(PATH, query)

    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


@pytest.mark.usefixtures("recorded_events")
def test_events_of_another_shop_are_not_visible(manager_client, foreign_admin, client_of, problem):
    theirs = client_of(foreign_admin)

    assert list_events(theirs) == []
    problem(theirs.get(f"{PATH}{list_audit_events()[0].pk}/"), 404, "not_found")


def test_event_without_a_shop_is_visible_to_no_shop(manager_client, anonymous):
    anonymous.post(LOG_IN, build_credentials(tenant="no-such-shop"))

    assert get_audit_event("log_in_failed").tenant is None
    assert list_events(manager_client) == []


@pytest.mark.usefixtures("recorded_events")
def test_cashiers_cannot_read_the_audit_log(cashier, client_of, problem):
    till = client_of(cashier)

    problem(till.get(PATH), 403, "permission_denied")
    problem(till.get(f"{PATH}{list_audit_events()[0].pk}/"), 403, "permission_denied")
    problem(Api().get(PATH), 401, "not_authenticated")


@pytest.mark.usefixtures("recorded_events")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_audit_log_is_read_only(method, admin, client_of, problem):
    admin_client, before = client_of(admin), len(list_audit_events())

    problem(admin_client.send(method, PATH, {}), 405, "method_not_allowed")
    problem(
        admin_client.send(method, f"{PATH}{list_audit_events()[0].pk}/", {}),
        405,
        "method_not_allowed",
    )
    assert len(list_audit_events()) == before


def test_responses_are_not_cached(manager_client):
    assert manager_client.get(PATH)["Cache-Control"] == "no-store"


@pytest.mark.parametrize("count", [1, 30])
def test_page_takes_the_same_statements_for_any_length(count, manager_client, shop, statements):
    with across_tenants():
        AuditEvent.objects.bulk_create(
            AuditEvent(tenant=shop, event="log_in_ok") for _ in range(count)
        )

    with statements(2):
        assert len(list_events(manager_client)) == count
