"""Who may ask what: one table for every route. A route without a line here fails."""

import uuid
from typing import Any

import pytest

from accounts.security.keys import KeyRing
from tenants import audit
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, UserFactory
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.api import Api, Person
from tests.support.discovery import routes
from tests.support.problems import assert_problem
from tests.support.route_calls import BY_NAME, call, each_alone

pytestmark = pytest.mark.once

ANYBODY = frozenset({"anonymous", "cashier", "manager", "admin"})
STAFF = ANYBODY - {"anonymous"}
MANAGERS = STAFF - {"cashier"}
ADMINS = frozenset({"admin"})
# Paired devices, which no log-in of a person makes of anything else.
DEVICES: frozenset[str] = frozenset()

TABLE = {
    ("get", "home"): ANYBODY,
    ("get", "schema"): ANYBODY,
    ("get", "docs"): ANYBODY,
    ("get", "jwks"): ANYBODY,
    ("get", "live"): ANYBODY,
    ("get", "ready"): ANYBODY,
    # tokens
    ("post", "signup"): ANYBODY,
    ("post", "token"): ANYBODY,
    ("post", "token-refresh"): ANYBODY,
    ("post", "token-verify"): ANYBODY,
    ("post", "revoke"): ANYBODY,
    ("post", "logout"): STAFF,
    ("post", "logout-all"): STAFF,
    ("get", "auth-metrics"): ADMINS,
    # what happened
    ("get", "audit-list"): MANAGERS,
    ("get", "audit-detail"): MANAGERS,
    ("get", "pin-users"): DEVICES,
    ("post", "pin"): DEVICES,
    # oneself
    ("get", "me"): STAFF,
    ("patch", "me"): STAFF,
    ("put", "password"): STAFF,
    ("post", "reauth"): STAFF,
    ("get", "idempotency-key"): STAFF,
    ("get", "session-list"): STAFF,
    ("delete", "session-detail"): STAFF,
    # people; whom a manager may change is the models' to say
    ("get", "user-list"): MANAGERS,
    ("post", "user-list"): MANAGERS,
    ("get", "user-detail"): MANAGERS,
    ("patch", "user-detail"): MANAGERS,
    ("put", "user-activation"): MANAGERS,
    ("delete", "user-activation"): MANAGERS,
    ("post", "user-reset-password"): MANAGERS,
    ("put", "user-role"): ADMINS,
    # one's own, and whose else is the models' to say
    ("put", "user-pin"): STAFF,
    ("delete", "user-pin"): STAFF,
    ("get", "user-sessions"): MANAGERS,
    ("delete", "user-sessions"): MANAGERS,
    # the shop
    ("get", "tenant"): STAFF,
    ("patch", "tenant"): ADMINS,
    ("get", "store-list"): STAFF,
    ("post", "store-list"): ADMINS,
    ("get", "store-detail"): STAFF,
    ("patch", "store-detail"): ADMINS,
    ("get", "register-list"): STAFF,
    ("post", "register-list"): ADMINS,
    ("get", "register-detail"): STAFF,
    ("patch", "register-detail"): ADMINS,
    ("post", "register-pair"): MANAGERS,
    ("post", "register-unpair"): MANAGERS,
    # leave; which requests a cashier sees is the models' to say
    ("get", "approval-list"): STAFF,
    ("post", "approval-list"): STAFF,
    ("get", "approval-detail"): STAFF,
    # From a session of one's own; by somebody else's credentials at any till.
    ("post", "approval-approve"): MANAGERS,
    ("post", "approval-deny"): MANAGERS,
    # what changed, and who else is told
    ("get", "changes"): STAFF,
    ("get", "webhook-list"): ADMINS,
    ("post", "webhook-list"): ADMINS,
    ("get", "webhook-detail"): ADMINS,
    ("patch", "webhook-detail"): ADMINS,
    ("delete", "webhook-detail"): ADMINS,
    ("post", "webhook-rotate"): ADMINS,
    ("post", "webhook-test"): ADMINS,
    ("get", "webhook-deliveries"): ADMINS,
    ("post", "webhook-redeliver"): ADMINS,
    # the catalog
    ("get", "tax-class-list"): STAFF,
    ("post", "tax-class-list"): ADMINS,
    ("get", "tax-class-detail"): STAFF,
    ("patch", "tax-class-detail"): ADMINS,
    ("get", "category-list"): STAFF,
    ("post", "category-list"): MANAGERS,
    ("get", "category-detail"): STAFF,
    ("patch", "category-detail"): MANAGERS,
    ("get", "product-list"): STAFF,
    ("post", "product-list"): MANAGERS,
    ("get", "product-detail"): STAFF,
    ("patch", "product-detail"): MANAGERS,
    ("post", "product-import"): MANAGERS,
    ("get", "product-export"): MANAGERS,
    # stock
    ("get", "stock-level-list"): STAFF,
    ("get", "stock-level-detail"): STAFF,
    ("patch", "stock-level-detail"): MANAGERS,
    ("get", "movement-list"): STAFF,
    ("post", "movement-list"): MANAGERS,
    ("get", "movement-detail"): STAFF,
    # selling
    ("get", "order-list"): STAFF,
    ("post", "order-list"): STAFF,
    ("post", "order-calculate"): STAFF,
    ("get", "order-detail"): STAFF,
    ("patch", "order-detail"): STAFF,
    ("post", "order-lines"): STAFF,
    ("patch", "order-line"): STAFF,
    ("delete", "order-line"): STAFF,
    ("post", "order-discounts"): STAFF,
    ("delete", "order-discount"): STAFF,
    ("post", "order-hold"): STAFF,
    ("post", "order-resume"): STAFF,
    ("post", "order-void"): STAFF,
    ("post", "order-payments"): STAFF,
    ("post", "order-refunds"): STAFF,
    ("get", "order-receipt"): STAFF,
    ("post", "order-receipt-email"): STAFF,
    ("post", "payment-cancel"): STAFF,
    ("post", "payment-resolve"): MANAGERS,
    ("get", "refund-list"): STAFF,
    ("get", "refund-detail"): STAFF,
    ("get", "refund-receipt"): STAFF,
    ("post", "refund-resolve"): MANAGERS,
    # Codes are money to whoever knows them: cashiers look up those that they are shown.
    ("get", "store-credit-list"): MANAGERS,
    ("post", "store-credit-list"): MANAGERS,
    ("get", "store-credit-detail"): MANAGERS,
    ("get", "store-credit-entries"): MANAGERS,
    ("post", "store-credit-block"): MANAGERS,
    ("post", "store-credit-unblock"): MANAGERS,
    ("get", "sales-report"): MANAGERS,
    # keeping up
    ("post", "sync-orders"): STAFF,
    ("get", "register-gaps"): MANAGERS,
    ("post", "register-device-sequence"): MANAGERS,
    # the drawer; whose it is, is the services' to say
    ("get", "shift-list"): STAFF,
    ("post", "shift-list"): STAFF,
    ("get", "shift-detail"): STAFF,
    ("get", "shift-current"): STAFF,
    ("post", "shift-cash-movements"): STAFF,
    ("post", "shift-end"): STAFF,
    ("post", "shift-close"): STAFF,
    ("get", "shift-x-report"): STAFF,
    ("get", "shift-z-report"): STAFF,
}
# What somebody may do who still has to replace a temporary password.
BEFORE_PASSWORD_CHANGE = {("put", "password"), ("post", "logout"), ("post", "logout-all")}
# The row is looked for before anybody is asked who wants it: a cashier may be the messenger.
LOOKED_FOR_FIRST = {("post", "approval-approve"), ("post", "approval-deny")}
# What everybody may ask for, and a cashier gets with somebody's leave.
WITH_AN_APPROVAL = {("post", "order-void")}
every_call = pytest.mark.parametrize(("method", "name"), sorted(TABLE))
about_one_row = pytest.mark.parametrize(
    ("method", "name"),
    sorted((method, name) for method, name in TABLE if "<uuid:pk>" in BY_NAME[name].path),
)


def row_of(name: str, rows: dict[str, uuid.UUID]) -> uuid.UUID | None:
    kinds = [kind for kind in rows if name == kind or name.startswith(f"{kind}-")]
    return rows[max(kinds, key=len)] if kinds else None


def own_row_of(client: Api, name: str, rows: dict[str, uuid.UUID]) -> uuid.UUID | None:
    """A row that this person may reach: of log-ins, PINs and requests only one's own."""
    if name == "session-detail" and isinstance(client, Person):
        return client.session.pk
    if name == "user-pin" and isinstance(client, Person):
        return client.user.pk
    if name == "idempotency-key" and isinstance(client, Person):
        return IdempotencyKeyFactory(tenant=client.user.tenant, user=client.user.pk).key
    return row_of(name, rows)


def test_attack_176_the_table_has_a_line_for_every_call_and_no_other():
    calls = {(method, route.name) for route in routes() for method in route.methods}

    assert calls == set(TABLE)


@every_call
def test_attack_176_a_call_is_open_to_whom_the_table_says(method, name, people, rows, settings):
    settings.SIGNUP_ENABLED = True
    if name == "jwks":  # there is something to see only where the keys are not shared secrets
        settings.JWT_KEYS = KeyRing.generate("new", "EdDSA")

    for who in sorted(ANYBODY):
        with each_alone(who):
            response = call(people[who], method, name, own_row_of(people[who], name, rows))
            ensure_open_or_refused(response, who, method, name)


def ensure_open_or_refused(response: Any, who: str, method: str, name: str) -> None:
    if who == "cashier" and (method, name) in WITH_AN_APPROVAL:
        assert_problem(response, 403, "approval_required")
    elif who in TABLE[method, name]:
        assert response.status_code not in {401, 403, 404, 405}, response.content
        assert response.status_code < 500
    elif TABLE[method, name] == DEVICES:
        assert_problem(response, 401, "terminal_not_paired")
    elif who == "anonymous":
        assert_problem(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")
    else:
        assert_problem(response, 403, "permission_denied")


@every_call
def test_attack_032_who_must_change_the_password_can_do_nothing_else(
    method, name, shop, rows, settings
):
    settings.SIGNUP_ENABLED = True
    newcomer = Person(UserFactory(tenant=shop, admin=True, must_change_password=True))

    response = call(newcomer, method, name, row_of(name, rows))

    if "anonymous" in TABLE[method, name] or (method, name) in BEFORE_PASSWORD_CHANGE:
        assert response.status_code not in {401, 403}
    elif TABLE[method, name] == DEVICES:
        assert_problem(response, 401, "terminal_not_paired")
    else:
        assert_problem(response, 403, "password_change_required")


@about_one_row
def test_attack_072_176_a_row_of_another_shop_is_answered_like_one_that_nobody_has(
    method, name, rows, foreign
):
    for who in sorted(STAFF):
        with each_alone(who):
            client = Person(getattr(foreign, who))
            ours = call(client, method, name, row_of(name, rows))
            nobodys = call(client, method, name, uuid.uuid4())
            ensure_alike(ours, nobodys, who, method, name)


def ensure_alike(ours: Any, nobodys: Any, who: str, method: str, name: str) -> None:
    if who in TABLE[method, name] or (method, name) in LOOKED_FOR_FIRST:
        assert_problem(ours, 404, "not_found")
    else:
        assert_problem(ours, 403, "permission_denied")
    assert without_request_id(ours) == without_request_id(nobodys)
    assert headers_of(ours) == headers_of(nobodys)


def without_request_id(response: Any) -> bytes:
    content: bytes = response.content
    return content.replace(response["X-Request-ID"].encode(), b"")


def headers_of(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.items() if name != "X-Request-ID"}


@pytest.mark.parametrize("name", sorted(name for method, name in TABLE if name.endswith("-list")))
def test_no_list_shows_anything_of_another_shop(name, rows, foreign, people):
    ApprovalFactory(requested_by=foreign.cashier, reason="CANARY")
    with tenant_scope(foreign.tenant):
        audit.record("CANARY", actor=foreign.admin, target=foreign.store)
    path = "/" + BY_NAME[name].path
    response = people["admin"].client.get(path, headers=people["admin"].defaults)

    assert response.status_code == 200
    assert response.json()["results"]
    assert b"CANARY" not in response.content


@pytest.mark.parametrize("name", sorted({name for _, name in TABLE}))
def test_other_methods_are_refused_and_options_fail_nowhere(name, rows, people):
    route = BY_NAME[name]
    for method in {"get", "post", "put", "patch", "delete", "options"} - route.methods.keys():
        response = call(people["admin"], method, name, row_of(name, rows))

        if method == "options":
            assert response.status_code < 500
        elif route.path.startswith("api/"):
            assert_problem(response, 405, "method_not_allowed")
