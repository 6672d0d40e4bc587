"""Routes that a PIN session may not use."""

from typing import Any

import pytest

from tests.architecture.test_permissions import (
    REFUSED_TO_ALL,
    STAFF,
    TABLE,
    WITH_AN_APPROVAL,
    every_call,
    get_own_row_id,
)
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Person
from tests.support.problems import assert_problem
from tests.support.route_calls import call, isolated_case

pytestmark = pytest.mark.once

# Management routes need a password session for every role.
NOT_BY_PIN = {
    ("get", "audit-list"),
    ("get", "audit-detail"),
    ("get", "auth-metrics"),
    ("put", "password"),
    ("post", "user-list"),
    ("patch", "user-detail"),
    ("put", "user-activation"),
    ("delete", "user-activation"),
    ("post", "user-reset-password"),
    ("put", "user-role"),
    ("put", "user-pin"),
    ("delete", "user-pin"),
    ("get", "user-sessions"),
    ("delete", "user-sessions"),
    ("patch", "tenant"),
    ("post", "store-list"),
    ("patch", "store-detail"),
    ("post", "register-list"),
    ("patch", "register-detail"),
    ("post", "register-pair"),
    ("post", "register-pairing-codes"),
    ("post", "register-unpair"),
    ("post", "register-device-sequence"),
    ("post", "tax-class-list"),
    ("patch", "tax-class-detail"),
    ("post", "modifier-list-list"),
    ("patch", "modifier-list-detail"),
    ("post", "store-credit-list"),
    ("post", "store-credit-unblock"),
    ("post", "price-list-list"),
    ("patch", "price-list-detail"),
    ("post", "price-list"),
    ("patch", "price-detail"),
    ("post", "price-batch"),
    ("post", "product-list"),
    ("post", "product-import"),
    ("post", "receipt-profile-list"),
    ("post", "bookkeeping-profile-list"),
    ("patch", "bookkeeping-profile-detail"),
    ("post", "customer-erase"),
    ("post", "card-reader-list"),
    ("patch", "card-reader-detail"),
    *(
        (method, name)
        for method, name in TABLE
        if name.startswith(("webhook-", "payment-provider-", "service-key-"))
    ),
}


def test_routes_without_pin_exist():
    assert set(TABLE) >= NOT_BY_PIN


@every_call
def test_pin_session_is_rejected_by_routes_that_need_a_password(
    method, name, people, rows, settings
):
    settings.SIGNUP_ENABLED = True
    for who in sorted(STAFF):
        with isolated_case(who):
            user = people[who].user
            by_pin = Person(user, AuthSessionFactory(user=user, method="pin"))
            response = call(by_pin, method, name, get_own_row_id(by_pin, name, rows))
            ensure_allowed_or_refused(response, who, method, name)


def ensure_allowed_or_refused(response: Any, who: str, method: str, name: str) -> None:
    """A user without the permission is refused instead of being asked for the password."""
    if code := REFUSED_TO_ALL.get(TABLE[method, name]):
        assert_problem(response, 401, code)
    elif who not in TABLE[method, name]:
        assert_problem(response, 403, "permission_denied")
    elif (method, name) in NOT_BY_PIN:
        assert_problem(response, 403, "password_required")
    elif who == "cashier" and (method, name) in WITH_AN_APPROVAL:
        assert_problem(response, 403, "approval_required")
    elif name != "jwks":  # JWKS of shared secrets are not published
        assert response.status_code not in {401, 403, 404, 405}, response.content
