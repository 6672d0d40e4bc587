"""A cashier can neither read nor change anything in another store, on every route."""

import uuid

import pytest

from accounts.models import Posting
from tenants.scope import tenant_scope
from tests.architecture.test_permissions import STAFF, TABLE, get_row_id
from tests.factories.accounts import UserFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Person
from tests.support.discovery import snapshot_owned_rows
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.problems import assert_problem
from tests.support.route_calls import BY_NAME, call, isolated_case
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.once

# Rows of one store, by the first word of their route names.
OF_A_STORE = {"order", "payment", "refund", "receipt", "receipt-profile", "shift", "movement"}
# Rows that every cashier may read in any store.
OF_NO_STORE = {
    "approval",
    "card-reader",
    "category",
    "customer",
    "customer-group",
    "modifier-list",
    "barcode-rule",
    "idempotency-key",
    "image",
    "payment-events",
    "price",
    "price-list",
    "product",
    "register",
    "session",
    "stock-level",
    "store",
    "tax-class",
    "user",
}
CASHIERS = sorted(call for call, who in TABLE.items() if who >= STAFF)
ABOUT_ONE = [(method, name) for method, name in CASHIERS if "<" in BY_NAME[name].path]
# Requests of cashiers with a register in the body.
NAMING_A_REGISTER = {
    ("post", "order-list"): lambda at, product: {
        "id": new_id(),
        "register": at,
        "lines": [line(product)],
        "payments": [cash("2.50")],
    },
    ("post", "shift-list"): lambda at, product: {"id": new_id(), "register": at},
    ("post", "sync-orders"): lambda at, product: {
        "register": at,
        "batch": [build_offline_sale(1, build_offline_line(product))],
    },
}


def get_kind(name):
    kinds = [kind for kind in OF_A_STORE | OF_NO_STORE if name == kind or name.startswith(kind)]
    return max(kinds, key=len) if kinds else None


@pytest.fixture
def other_store_cashier(shop):
    """Return a cashier who is assigned to another store of the shop."""
    user = UserFactory(tenant=shop, role="cashier")
    with tenant_scope(shop):
        Posting(user=user, store=StoreFactory(tenant=shop)).save(force_insert=True)
    return user


@pytest.fixture
def clients_by_place(other_store_cashier, register):
    return {
        "away": Person(other_store_cashier),
        "at a register of the store": log_in_at_paired_register(other_store_cashier, register),
    }


def test_every_detail_route_is_classified_by_store():
    assert {get_kind(name) for _, name in ABOUT_ONE} == OF_A_STORE | OF_NO_STORE


@pytest.mark.parametrize(
    ("method", "name"), [each for each in ABOUT_ONE if get_kind(each[1]) in OF_A_STORE]
)
def test_row_of_another_store_is_answered_like_an_unknown_one(method, name, rows, clients_by_place):
    # A receipt is found by its QR code, the id of the refund.
    ids = {**rows, "receipt": rows["refund"]}
    for who, person in clients_by_place.items():
        before = snapshot_owned_rows()
        with isolated_case(who):
            theirs = call(person, method, name, get_row_id(name, ids))
            unknown = call(person, method, name, uuid.uuid4())

            assert_problem(theirs, 404, "not_found")
            assert theirs.status_code == unknown.status_code
            assert snapshot_owned_rows() == before


@pytest.mark.parametrize(
    "name", sorted({"order", "refund", "receipt-profile", "shift", "movement"})
)
def test_lists_show_no_rows_of_another_store(
    name, rows, clients_by_place, cashier, store, register
):
    path = BY_NAME[f"{name}-list"].path.removeprefix("api/v1/")
    for person in clients_by_place.values():
        for named in ({}, {"store": str(store.pk)}, {"register": str(register.pk)}):
            answer = person.get(path, named)
            shown = answer.json().get("results", [])
            assert shown == [], (name, named)
    assert Person(cashier).get(path).json()["results"]


@pytest.mark.parametrize(("method", "name"), sorted(NAMING_A_REGISTER))
def test_requests_at_a_register_of_another_store_are_denied(
    method, name, clients_by_place, register, product
):
    body = NAMING_A_REGISTER[method, name](str(register.pk), product)
    for who, person in clients_by_place.items():
        before = snapshot_owned_rows()
        with isolated_case(who):
            assert_problem(call(person, method, name, None, body), 403, "permission_denied")
            assert snapshot_owned_rows() == before


def test_current_shift_of_another_store_is_not_shown(rows, clients_by_place, register):
    for person in clients_by_place.values():
        for named in ({"register": str(register.pk)}, {}):
            answer = person.get("shifts/current/", named)
            if named or person.session.register_id:
                assert_problem(answer, 403, "permission_denied")
