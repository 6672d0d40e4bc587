"""What service keys can do: the routes of their scopes, and nothing else."""

import pytest

from accounts.service_scopes import ROUTES, SCOPES, find_scope
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.architecture.test_permissions import REFUSED_TO_ALL, TABLE, WITH_AN_APPROVAL, get_row_id
from tests.support.discovery import routes, snapshot_owned_rows
from tests.support.problems import assert_problem
from tests.support.route_calls import call, isolated_case
from tests.support.service_keys import KeyClient, create_key

pytestmark = pytest.mark.once

every_call = pytest.mark.parametrize(("method", "name"), sorted(TABLE))
# With their own authentication: log-ins, sign-up, events of payment providers, public keys.
WITHOUT_USERS = {call for call, who in TABLE.items() if "anonymous" in who}


def test_every_route_of_a_scope_exists():
    calls = {(method, route.name) for route in routes() for method in route.methods}

    assert set(ROUTES) <= calls
    listed = [
        (method, name)
        for methods in SCOPES.values()
        for method, names in methods.items()
        for name in names.split()
    ]
    assert len(listed) == len(set(listed)), "a route has two scopes"


def test_head_needs_the_scope_of_get_and_other_methods_none_has():
    assert find_scope("HEAD", "product-list") == "catalog:read"
    for method in ("OPTIONS", "TRACE", "PUT"):
        assert find_scope(method, "product-list") is None
    assert find_scope("GET", None) is None


@every_call
def test_key_with_all_scopes_reaches_exactly_the_routes_of_the_table(
    method, name, rows, shop, admin
):
    client = KeyClient(create_key(shop, admin))

    with isolated_case(name):
        response = call(client, method, name, get_row_id(name, rows))
        if (method, name) not in WITHOUT_USERS:
            ensure_reached_or_refused(response, method, name)


def ensure_reached_or_refused(response, method, name):
    if code := REFUSED_TO_ALL.get(TABLE[method, name]):
        assert_problem(response, 401, code)
    elif (method, name) not in ROUTES:
        assert_problem(response, 403, "not_for_service_keys")
    elif (method, name) in WITH_AN_APPROVAL:
        assert_problem(response, 403, "approval_required")
    else:
        assert response.status_code not in {401, 403, 404, 405}, response.content
        assert response.status_code < 500


@pytest.mark.parametrize(("method", "name"), sorted(ROUTES))
def test_key_without_the_scope_is_refused(method, name, rows, shop, admin):
    scope, id = ROUTES[method, name], get_row_id(name, rows)
    client = KeyClient(create_key(shop, admin, *(each for each in SCOPES if each != scope)))
    call(client, method, name, id)
    # After the first use, which is recorded.
    before = snapshot_owned_rows()

    refused = call(client, method, name, id)

    assert_problem(refused, 403, "scope_missing")
    assert refused.json()["scope"] == scope
    assert snapshot_owned_rows() == before


def test_refusal_is_audited_with_the_name_of_the_key(shop, admin):
    key = create_key(shop, admin, "stock:read", name="Stock sync")

    assert KeyClient(key).get("products/").status_code == 403

    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="permission_denied")
    assert (event.actor, event.actor_name, event.session) == (key.user_id, "Stock sync", key.pk)
    assert event.facts == {"method": "GET", "path": "/api/v1/products/"}
