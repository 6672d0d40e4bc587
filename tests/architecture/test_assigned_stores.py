"""A cashier of one store neither sees nor does anything in another, route by route."""

import uuid

import pytest

from accounts.models import Posting
from tenants.scope import tenant_scope
from tests.architecture.test_permissions import STAFF, TABLE, row_of
from tests.factories.accounts import UserFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Person
from tests.support.discovery import list_kept_models
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.problems import assert_problem
from tests.support.route_calls import BY_NAME, call, each_alone
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.once

# Rows of one store, by the first word of the names of their routes.
OF_A_STORE = {"order", "payment", "refund", "shift", "movement"}
# What every cashier may read, whichever store it is about.
OF_NO_STORE = {
    "approval",
    "category",
    "idempotency-key",
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
# Requests of cashiers that name a register in their body.
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


def kind_of(name):
    kinds = [kind for kind in OF_A_STORE | OF_NO_STORE if name == kind or name.startswith(kind)]
    return max(kinds, key=len) if kinds else None


@pytest.fixture
def other_store_cashier(shop):
    """A cashier of another store of the shop, away from any till and at one of this store."""
    user = UserFactory(tenant=shop, role="cashier")
    with tenant_scope(shop):
        Posting(user=user, store=StoreFactory(tenant=shop)).save(force_insert=True)
    return user


@pytest.fixture
def asking(other_store_cashier, register):
    return {
        "away": Person(other_store_cashier),
        "at a till of it": log_in_at_paired_register(other_store_cashier, register),
    }


def test_every_route_about_one_row_says_whether_it_is_of_a_store():
    assert {kind_of(name) for _, name in ABOUT_ONE} == OF_A_STORE | OF_NO_STORE


@pytest.mark.parametrize(
    ("method", "name"), [each for each in ABOUT_ONE if kind_of(each[1]) in OF_A_STORE]
)
def test_a_row_of_another_store_is_like_one_that_nobody_has(method, name, rows, asking):
    for who, person in asking.items():
        before = list_kept_models()
        with each_alone(who):
            theirs = call(person, method, name, row_of(name, rows))
            nobodys = call(person, method, name, uuid.uuid4())

            assert_problem(theirs, 404, "not_found")
            assert theirs.status_code == nobodys.status_code
            assert list_kept_models() == before


@pytest.mark.parametrize("name", sorted({"order", "refund", "shift", "movement"}))
def test_no_list_shows_a_row_of_another_store(name, rows, asking, cashier, store, register):
    path = BY_NAME[f"{name}-list"].path.removeprefix("api/v1/")
    for person in asking.values():
        for named in ({}, {"store": str(store.pk)}, {"register": str(register.pk)}):
            answer = person.get(path, named)
            shown = answer.json().get("results", [])
            assert shown == [], (name, named)
    assert Person(cashier).get(path).json()["results"]


@pytest.mark.parametrize(("method", "name"), sorted(NAMING_A_REGISTER))
def test_no_request_acts_at_a_register_of_another_store(method, name, asking, register, product):
    body = NAMING_A_REGISTER[method, name](str(register.pk), product)
    for who, person in asking.items():
        before = list_kept_models()
        with each_alone(who):
            assert_problem(call(person, method, name, None, body), 403, "permission_denied")
            assert list_kept_models() == before


def test_the_current_shift_of_a_register_of_another_store_is_not_told(rows, asking, register):
    for person in asking.values():
        for named in ({"register": str(register.pk)}, {}):
            answer = person.get("shifts/current/", named)
            if named or person.session.register_id:
                assert_problem(answer, 403, "permission_denied")
