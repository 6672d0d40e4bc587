"""What each route answers to a service key that is limited to another store."""

import pytest

from accounts.service_scopes import ROUTES
from tests.architecture.test_permissions import get_row_id
from tests.factories.tenants import StoreFactory
from tests.support.discovery import snapshot_owned_rows
from tests.support.problems import assert_problem
from tests.support.route_calls import BY_NAME, call, isolated_case
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import line, new_id

pytestmark = pytest.mark.once

# Routes by the first words of their names: rows of the whole shop, and rows of a store.
OF_THE_SHOP = (
    "barcode-rule catalog-snapshot category customer modifier-list price product register store "
    "tax-class tenant"
).split()
OF_A_STORE = (
    "bookkeeping-report movement order payment receipt refund sales-report waste-report "
    "low-stock-report shift stock-level stock-count stock-transfer"
).split()


def build_movement(store, product):
    ids = {"id": new_id(), "store": str(store.pk), "product": str(product.pk)}
    return ids | {"type": "receive", "quantity": "5"}


def build_order(register, product):
    return {"register": str(register.pk), "lines": [line(product)]}


# Requests that name the store, or its register.
BODIES = {
    "movement-list": lambda at, product: build_movement(at.store, product),
    "movement-batch": lambda at, product: {"movements": [build_movement(at.store, product)]},
    "stock-count-list": lambda at, product: {"name": "Shelf 3", "store": str(at.store.pk)},
    "stock-transfer-list": lambda at, product: {
        "from_store": str(at.store.pk),
        "to_store": str(StoreFactory(tenant=at.tenant).pk),
    },
    "order-list": lambda at, product: {"id": new_id(), **build_order(at, product)},
    "order-calculate": build_order,
}
# tests/orders/reports/test_bookkeeping.py has it, because it must name the store.
NAMES_A_STORE = {("get", "bookkeeping-report")}
CALLS = sorted(
    each for each in set(ROUTES) - NAMES_A_STORE if each[1].startswith(tuple(OF_A_STORE))
)


def test_every_route_of_a_scope_is_classified():
    for _, name in ROUTES:
        assert name.startswith(tuple(OF_THE_SHOP)) != name.startswith(tuple(OF_A_STORE)), name


@pytest.mark.parametrize(("method", "name"), CALLS)
def test_key_of_another_store_neither_sees_nor_changes_rows(
    method, name, rows, shop, admin, register, product
):
    client = KeyClient(create_key(shop, admin, stores=[StoreFactory(tenant=shop)]))
    # After the first use, which is recorded.
    assert client.get("stock/").status_code == 200
    body = BODIES[name](register, product) if method == "post" and name in BODIES else None
    id = rows["refund"] if name == "receipt" else get_row_id(name, rows)
    before = snapshot_owned_rows()

    with isolated_case(name):
        answer = call(client, method, name, id, body)
        if "<" in BY_NAME[name].path:
            assert_problem(answer, 404, "not_found")
        elif method == "post":
            assert_problem(answer, 403, "permission_denied")
        else:
            # Nothing is sold here: tests/orders/service_keys/test_stores.py has reports of sales.
            assert answer.status_code == 200
            assert answer.json().get("results", answer.json().get("rows")) == []
        assert snapshot_owned_rows() == before
