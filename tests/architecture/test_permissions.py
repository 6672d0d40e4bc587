"""Permissions of every role on every route, in one table that must be complete."""

import re
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
from tests.support.route_calls import BY_NAME, call, isolated_case

pytestmark = pytest.mark.once

ANYBODY = frozenset({"anonymous", "cashier", "manager", "admin"})
STAFF = ANYBODY - {"anonymous"}
MANAGERS = STAFF - {"cashier"}
ADMINS = frozenset({"admin"})
# Only paired terminals, with any user.
DEVICES: frozenset[str] = frozenset()
# Only the token of the metrics, which is of no user.
METRICS = frozenset({"metrics"})
# The code of 401 where it does not depend on the user.
REFUSED_TO_ALL = {DEVICES: "terminal_not_paired", METRICS: "not_authenticated"}

TABLE = {
    ("get", "home"): ANYBODY,
    ("get", "schema"): ANYBODY,
    ("get", "docs"): ANYBODY,
    ("get", "till"): ANYBODY,
    ("get", "till-worker"): ANYBODY,
    ("get", "till-manifest"): ANYBODY,
    ("get", "jwks"): ANYBODY,
    ("get", "metrics"): METRICS,
    ("get", "live"): ANYBODY,
    ("get", "ready"): ANYBODY,
    # tokens
    ("post", "signup"): ANYBODY,
    ("post", "payment-events"): ANYBODY,
    ("post", "token"): ANYBODY,
    ("post", "token-refresh"): ANYBODY,
    ("post", "token-verify"): ANYBODY,
    ("post", "revoke"): ANYBODY,
    ("post", "logout"): STAFF,
    ("post", "logout-all"): STAFF,
    ("get", "auth-metrics"): ADMINS,
    # audit log
    ("get", "audit-list"): MANAGERS,
    ("get", "audit-detail"): MANAGERS,
    ("get", "pin-users"): DEVICES,
    ("post", "pair"): ANYBODY,
    ("post", "pin"): DEVICES,
    # own profile
    ("get", "me"): STAFF,
    ("patch", "me"): STAFF,
    ("put", "password"): STAFF,
    ("post", "reauth"): STAFF,
    ("get", "idempotency-key"): STAFF,
    ("get", "session-list"): STAFF,
    ("delete", "session-detail"): STAFF,
    # users; the models decide which users a manager may change
    ("get", "user-list"): MANAGERS,
    ("post", "user-list"): MANAGERS,
    ("get", "user-detail"): MANAGERS,
    ("patch", "user-detail"): MANAGERS,
    ("put", "user-activation"): MANAGERS,
    ("delete", "user-activation"): MANAGERS,
    ("post", "user-reset-password"): MANAGERS,
    ("put", "user-role"): ADMINS,
    # own sessions, and those of others as the models decide
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
    ("post", "register-pairing-codes"): MANAGERS,
    ("post", "register-unpair"): MANAGERS,
    # approvals; the models decide which requests a cashier sees
    ("get", "approval-list"): STAFF,
    ("post", "approval-list"): STAFF,
    ("get", "approval-detail"): STAFF,
    # From the approver's session, or with the approver's credentials at the cashier's terminal.
    ("post", "approval-approve"): MANAGERS,
    ("post", "approval-deny"): MANAGERS,
    # changes and webhooks
    ("get", "changes"): STAFF,
    ("get", "service-key-list"): ADMINS,
    ("post", "service-key-list"): ADMINS,
    ("get", "service-key-detail"): ADMINS,
    ("delete", "service-key-detail"): ADMINS,
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
    ("get", "catalog-snapshot"): STAFF,
    ("get", "tax-class-list"): STAFF,
    ("post", "tax-class-list"): ADMINS,
    ("get", "tax-class-detail"): STAFF,
    ("patch", "tax-class-detail"): ADMINS,
    ("get", "category-list"): STAFF,
    ("post", "category-list"): MANAGERS,
    ("get", "category-detail"): STAFF,
    ("patch", "category-detail"): MANAGERS,
    ("get", "stock-count-list"): MANAGERS,
    ("post", "stock-count-list"): MANAGERS,
    ("get", "stock-count-detail"): MANAGERS,
    ("patch", "stock-count-detail"): MANAGERS,
    ("post", "stock-count-lines"): MANAGERS,
    ("post", "stock-count-close"): MANAGERS,
    ("post", "stock-count-cancel"): MANAGERS,
    ("get", "stock-transfer-list"): MANAGERS,
    ("post", "stock-transfer-list"): MANAGERS,
    ("get", "stock-transfer-detail"): MANAGERS,
    ("patch", "stock-transfer-detail"): MANAGERS,
    ("post", "stock-transfer-lines"): MANAGERS,
    ("post", "stock-transfer-send"): MANAGERS,
    ("post", "stock-transfer-check"): MANAGERS,
    ("post", "stock-transfer-receive"): MANAGERS,
    ("post", "stock-transfer-cancel"): MANAGERS,
    ("get", "stock-transfer-line-list"): MANAGERS,
    ("get", "stock-transfer-line-detail"): MANAGERS,
    ("get", "stock-count-line-list"): MANAGERS,
    ("get", "stock-count-line-detail"): MANAGERS,
    ("get", "bookkeeping-profile-list"): MANAGERS,
    ("post", "bookkeeping-profile-list"): MANAGERS,
    ("get", "bookkeeping-profile-detail"): MANAGERS,
    ("patch", "bookkeeping-profile-detail"): MANAGERS,
    ("get", "customer-list"): STAFF,
    ("post", "customer-list"): STAFF,
    ("get", "customer-detail"): STAFF,
    ("patch", "customer-detail"): MANAGERS,
    ("post", "customer-erase"): MANAGERS,
    ("get", "customer-group-list"): STAFF,
    ("post", "customer-group-list"): MANAGERS,
    ("get", "customer-group-detail"): STAFF,
    ("patch", "customer-group-detail"): MANAGERS,
    ("get", "modifier-list-list"): STAFF,
    ("post", "modifier-list-list"): MANAGERS,
    ("get", "modifier-list-detail"): STAFF,
    ("patch", "modifier-list-detail"): MANAGERS,
    ("get", "barcode-rule-list"): STAFF,
    ("post", "barcode-rule-list"): MANAGERS,
    ("get", "barcode-rule-detail"): STAFF,
    ("patch", "barcode-rule-detail"): MANAGERS,
    ("get", "payment-provider-list"): ADMINS,
    ("post", "payment-provider-list"): ADMINS,
    ("get", "payment-provider-detail"): ADMINS,
    ("patch", "payment-provider-detail"): ADMINS,
    ("get", "card-reader-list"): STAFF,
    ("post", "card-reader-list"): ADMINS,
    ("get", "card-reader-detail"): STAFF,
    ("patch", "card-reader-detail"): ADMINS,
    ("get", "receipt-profile-list"): STAFF,
    ("post", "receipt-profile-list"): MANAGERS,
    ("get", "receipt-profile-detail"): STAFF,
    ("get", "receipt-profile-logo"): STAFF,
    ("get", "price-list-list"): STAFF,
    ("post", "price-list-list"): MANAGERS,
    ("get", "price-list-detail"): STAFF,
    ("patch", "price-list-detail"): MANAGERS,
    ("get", "price-list"): STAFF,
    ("post", "price-list"): MANAGERS,
    ("post", "price-batch"): MANAGERS,
    ("get", "price-detail"): STAFF,
    ("patch", "price-detail"): MANAGERS,
    ("get", "product-list"): STAFF,
    ("post", "product-list"): MANAGERS,
    ("get", "product-detail"): STAFF,
    ("patch", "product-detail"): MANAGERS,
    ("post", "product-import"): MANAGERS,
    ("get", "product-export"): MANAGERS,
    ("get", "product-cost"): MANAGERS,
    ("put", "product-image"): MANAGERS,
    ("delete", "product-image"): MANAGERS,
    # An address that nobody can guess.
    ("get", "image"): ANYBODY,
    ("get", "image-thumbnail"): ANYBODY,
    # stock
    ("get", "stock-level-list"): STAFF,
    ("get", "stock-level-detail"): STAFF,
    ("patch", "stock-level-detail"): MANAGERS,
    ("get", "movement-list"): STAFF,
    ("post", "movement-list"): MANAGERS,
    ("post", "movement-batch"): MANAGERS,
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
    ("get", "receipt"): STAFF,
    ("post", "order-receipt-email"): STAFF,
    ("post", "refund-receipt-email"): STAFF,
    ("post", "order-receipt-fiscal"): STAFF,
    ("post", "refund-receipt-fiscal"): STAFF,
    ("get", "payment-list"): STAFF,
    ("get", "payment-detail"): STAFF,
    ("post", "payment-cancel"): STAFF,
    ("post", "payment-resolve"): MANAGERS,
    ("get", "refund-list"): STAFF,
    ("get", "refund-detail"): STAFF,
    ("get", "refund-receipt"): STAFF,
    ("post", "refund-cancel"): STAFF,
    ("post", "refund-resolve"): MANAGERS,
    # A code can pay for goods, so cashiers only look up codes that customers show them.
    ("get", "store-credit-list"): MANAGERS,
    ("post", "store-credit-list"): MANAGERS,
    ("get", "store-credit-detail"): MANAGERS,
    ("get", "store-credit-entries"): MANAGERS,
    ("post", "store-credit-block"): MANAGERS,
    ("post", "store-credit-unblock"): MANAGERS,
    ("get", "sales-report"): MANAGERS,
    ("get", "waste-report"): MANAGERS,
    ("get", "low-stock-report"): MANAGERS,
    ("get", "dead-stock-report"): MANAGERS,
    ("get", "margin-report"): MANAGERS,
    ("get", "bookkeeping-report"): MANAGERS,
    # offline sync
    ("post", "sync-orders"): STAFF,
    ("get", "register-gaps"): MANAGERS,
    ("post", "register-device-sequence"): MANAGERS,
    # shifts; the services decide whose drawer it is
    ("get", "shift-list"): STAFF,
    ("post", "shift-list"): STAFF,
    ("get", "shift-detail"): STAFF,
    ("get", "shift-current"): STAFF,
    ("post", "shift-cash-movements"): STAFF,
    ("get", "shift-cash-movement"): STAFF,
    ("post", "shift-end"): STAFF,
    ("post", "shift-close"): STAFF,
    ("get", "shift-x-report"): STAFF,
    ("get", "shift-z-report"): STAFF,
}
# Allowed with a temporary password.
BEFORE_PASSWORD_CHANGE = {("put", "password"), ("post", "logout"), ("post", "logout-all")}
# The row is loaded before the permission check, because the request may come from a cashier.
LOADED_BEFORE_PERMISSIONS = {("post", "approval-approve"), ("post", "approval-deny")}
# Open to all roles; a cashier needs an approval.
WITH_AN_APPROVAL = {("post", "order-void")}
ONE_ROW = re.compile("<uuid:pk>|<str:code>")
every_call = pytest.mark.parametrize(("method", "name"), sorted(TABLE))
about_one_row = pytest.mark.parametrize(
    ("method", "name"),
    sorted(
        (method, name)
        for method, name in TABLE
        if ONE_ROW.search(BY_NAME[name].path) and "anonymous" not in TABLE[method, name]
    ),
)


def get_row_id(name: str, rows: dict[str, uuid.UUID]) -> uuid.UUID | None:
    if name == "receipt":
        return rows["order"]
    kinds = [kind for kind in rows if name == kind or name.startswith(f"{kind}-")]
    return rows[max(kinds, key=len)] if kinds else None


def get_own_row_id(client: Api, name: str, rows: dict[str, uuid.UUID]) -> uuid.UUID | None:
    """Return a row that the client may access: own sessions, PINs and keys, else any row."""
    if name == "session-detail" and isinstance(client, Person):
        return client.session.pk
    if name == "user-pin" and isinstance(client, Person):
        return client.user.pk
    if name == "idempotency-key" and isinstance(client, Person):
        return IdempotencyKeyFactory(tenant=client.user.tenant, user=client.user.pk).key
    return get_row_id(name, rows)


def test_attack_176_table_contains_exactly_the_routes():
    calls = {(method, route.name) for route in routes() for method in route.methods}

    assert calls == set(TABLE)


@every_call
def test_attack_176_route_is_open_to_the_roles_of_the_table(method, name, people, rows, settings):
    settings.SIGNUP_ENABLED = True
    if name == "jwks":  # JWKS are published only for asymmetric keys
        settings.JWT_KEYS = KeyRing.generate("new", "EdDSA")

    for who in sorted(ANYBODY):
        with isolated_case(who):
            response = call(people[who], method, name, get_own_row_id(people[who], name, rows))
            ensure_open_or_refused(response, who, method, name)


def ensure_open_or_refused(response: Any, who: str, method: str, name: str) -> None:
    if who == "cashier" and (method, name) in WITH_AN_APPROVAL:
        assert_problem(response, 403, "approval_required")
    elif who in TABLE[method, name]:
        assert response.status_code not in {401, 403, 404, 405}, response.content
        assert response.status_code < 500
    elif code := REFUSED_TO_ALL.get(TABLE[method, name]):
        assert_problem(response, 401, code)
    elif who == "anonymous":
        assert_problem(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer")
    else:
        assert_problem(response, 403, "permission_denied")


@every_call
def test_attack_032_temporary_password_allows_only_the_password_change(
    method, name, shop, rows, settings
):
    settings.SIGNUP_ENABLED = True
    new_user = Person(UserFactory(tenant=shop, admin=True, must_change_password=True))

    response = call(new_user, method, name, get_row_id(name, rows))

    if "anonymous" in TABLE[method, name] or (method, name) in BEFORE_PASSWORD_CHANGE:
        assert response.status_code not in {401, 403}
    elif code := REFUSED_TO_ALL.get(TABLE[method, name]):
        assert_problem(response, 401, code)
    else:
        assert_problem(response, 403, "password_change_required")


@about_one_row
def test_attack_072_176_row_of_another_shop_is_answered_like_an_unknown_one(
    method, name, rows, foreign
):
    for who in sorted(STAFF):
        with isolated_case(who):
            client = Person(getattr(foreign, who))
            ours = call(client, method, name, get_row_id(name, rows))
            unknown = call(client, method, name, uuid.uuid4())
            ensure_same_refusal(ours, unknown, who, method, name)


def ensure_same_refusal(ours: Any, unknown: Any, who: str, method: str, name: str) -> None:
    if who in TABLE[method, name] or (method, name) in LOADED_BEFORE_PERMISSIONS:
        assert_problem(ours, 404, "not_found")
    else:
        assert_problem(ours, 403, "permission_denied")
    assert without_request_id(ours) == without_request_id(unknown)
    assert get_headers(ours) == get_headers(unknown)


def without_request_id(response: Any) -> bytes:
    content: bytes = response.content
    return content.replace(response["X-Request-ID"].encode(), b"")


def get_headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.items() if name != "X-Request-ID"}


@pytest.mark.parametrize("name", sorted(name for method, name in TABLE if name.endswith("-list")))
def test_lists_contain_nothing_of_another_shop(name, rows, foreign, people):
    ApprovalFactory(requested_by=foreign.cashier, reason="LEAKMARK")
    with tenant_scope(foreign.tenant):
        audit.record("LEAKMARK", actor=foreign.admin, target=foreign.store)
    path = "/" + BY_NAME[name].path
    response = people["admin"].client.get(path, headers=people["admin"].defaults)

    assert response.status_code == 200
    assert response.json()["results"]
    assert b"LEAKMARK" not in response.content


@pytest.mark.parametrize("name", sorted({name for _, name in TABLE}))
def test_other_methods_are_rejected_and_options_do_not_fail(name, rows, people):
    route = BY_NAME[name]
    for method in {"get", "post", "put", "patch", "delete", "options"} - route.methods.keys():
        response = call(people["admin"], method, name, get_row_id(name, rows))

        if method == "options":
            assert response.status_code < 500
        elif route.path.startswith("api/"):
            assert_problem(response, 405, "method_not_allowed")
