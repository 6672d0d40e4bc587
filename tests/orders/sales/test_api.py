"""Order list, order detail and isolation from other shops."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from orders.models import Order
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.till import Till, cash, line, new_id

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def other_till(shop):
    """Another cashier at another register in another store of the same shop."""
    register = RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop), number=2)
    return Till(UserFactory(tenant=shop), register)


@pytest.fixture
def orders(till, other_till, make_product, shop):
    """Return three orders, a day apart: open, completed, and completed in another store."""
    product = make_product("1.00", track_stock=False)
    taken = [
        till.sold(line(product)),
        till.sold(line(product), payments=[cash("1.00")]),
        other_till.sold(line(product), payments=[cash("1.00")]),
    ]
    with tenant_scope(shop):
        for day, order in enumerate(taken):
            at = DAY + timedelta(days=day)
            Order.objects.filter(pk=order["id"]).update(created_at=at, updated_at=at)
    return [till.shown(order) for order in taken]


def found_positions(client, orders, **query):
    """Return the positions in `orders` of the orders that the list shows."""
    response = client.get("orders/", query)
    assert response.status_code == 200, response.content
    ids = [order["id"] for order in orders]
    return [ids.index(order["id"]) for order in response.json()["results"]]


def test_order_list_shows_complete_orders_newest_first(till, orders):
    assert till.get("orders/").json()["results"] == orders[::-1]


def test_order_list_filters(till, other_till, orders):
    ours, theirs = till.register, other_till.register
    for query, positions in [
        ({"status": "open"}, [0]),
        ({"status": "completed"}, [2, 1]),
        ({"status": "voided"}, []),
        ({"register": ours.pk}, [1, 0]),
        ({"store": theirs.store_id}, [2]),
        ({"cashier": other_till.user.pk}, [2]),
        ({"cashier": till.user.pk, "status": "completed"}, [1]),
        ({"register": ours.pk, "cashier": other_till.user.pk}, []),
        ({"number": "1-000002"}, [1]),
        ({"number": "1-00000"}, []),
        ({"created_after": "2026-03-02T12:00:00Z"}, [2, 1]),
        ({"created_after": "2026-03-02T12:00:00.000001Z"}, [2]),
        ({"created_before": "2026-03-02T12:00:00Z"}, [0]),
        ({"created_after": "2026-03-02T13:00:00+01:00", "status": "completed"}, [2, 1]),
        ({"created_after": "2026-03-02T00:00:00Z", "created_before": "2026-03-03T00:00:00Z"}, [1]),
        ({"updated_since": "2026-03-03T12:00:00Z"}, [2]),
        ({"ordering": "created_at"}, [0, 1, 2]),
        ({"ordering": "-updated_at"}, [2, 1, 0]),
        ({"ordering": "updated_at", "updated_since": "2026-03-02T00:00:00Z"}, [1, 2]),
    ]:
        assert found_positions(till, orders, **query) == positions, query


@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ({"state": "open"}, "unknown_filter", {"state": "unknown_filter"}),
        ({"status": "paid"}, "invalid", {"status": "invalid_choice"}),
        ({"register": "1"}, "invalid", {"register": "invalid"}),
        ({"created_after": "2026-03-02"}, "invalid", {"created_after": "invalid"}),
        ({"ordering": "total"}, "invalid", {"ordering": "invalid"}),
        ({"ordering": "-cashier__password"}, "invalid", {"ordering": "invalid"}),
        ({"fingerprint": "x"}, "unknown_filter", {"fingerprint": "unknown_filter"}),
    ],
)
def test_invalid_order_list_query_is_refused(till, problem, query, code, errors):
    problem(till.get("orders/", query), 400, code, errors)


def test_pages_of_orders_with_the_same_time_neither_skip_nor_repeat(till, make_product, shop):
    product = make_product("1.00", track_stock=False)
    taken = [till.sold(line(product))["id"] for _ in range(7)]
    with tenant_scope(shop):
        Order.objects.update(created_at=DAY)

    seen, query = [], {"page_size": "2"}
    while query is not None:
        page = till.get("orders/", query).json()
        seen += [order["id"] for order in page["results"]]
        query = dict(parse_qsl(urlsplit(page["next"]).query)) if page["next"] else None

    assert seen == sorted(taken, reverse=True)


def test_order_created_between_pages_does_not_shift_them(till, make_product):
    product = make_product("1.00", track_stock=False)
    taken = [till.sold(line(product))["id"] for _ in range(4)]
    first = till.get("orders/", {"page_size": "2"}).json()
    till.sold(line(product))

    second = till.get("orders/", dict(parse_qsl(urlsplit(first["next"]).query))).json()

    assert [order["id"] for order in second["results"]] == taken[1::-1]


# --- order detail --------------------------------------------------------------------------------


def test_order_version_is_the_etag(till, product):
    order = till.sold(line(product, "2"))
    path = f"orders/{order['id']}/"
    assert (order["version"], till.get(path)["ETag"]) == (1, '"1"')

    paid = till.pay(order, cash("1.00"))

    assert (paid.json()["version"], paid["ETag"], till.get(path)["ETag"]) == (2, '"2"', '"2"')


def test_user_without_store_assignment_sees_all_orders_of_the_shop(
    till, other_till, manager_client, orders
):
    for someone in (till, other_till, manager_client):
        assert found_positions(someone, orders) == [2, 1, 0]
        assert someone.get(f"orders/{orders[2]['id']}/").json() == orders[2]


def test_order_cannot_be_replaced_or_deleted(till, orders, problem):
    for method in ("PUT", "DELETE"):
        response = till.send(method, f"orders/{orders[0]['id']}/", {"note": "x"}, If_Match="*")
        problem(response, 405, "method_not_allowed")
    assert till.shown(orders[0]) == orders[0]


# --- other shops ---------------------------------------------------------------------------------


def test_order_of_another_shop_is_answered_like_an_unknown_order(till, orders, foreign):
    """The responses are equal byte for byte; the request id is fixed."""
    for path, method, body in [
        ("", "GET", None),
        ("receipt/", "GET", None),
        ("payments/", "POST", cash("1.00")),
    ]:
        answers = [
            till.send(method, f"orders/{order}/{path}", body, X_Request_ID="same")
            for order in (foreign.order.pk, new_id())
        ]
        theirs, unknown = answers
        assert (theirs.status_code, theirs.json()["code"]) == (404, "not_found")
        assert theirs.content == unknown.content
        assert dict(theirs.items()) == dict(unknown.items())


def test_order_list_contains_nothing_of_another_shop(till, orders, foreign):
    page = till.get("orders/")

    assert b"LEAKMARK" not in page.content
    for query in [
        {"register": foreign.register.pk},
        {"store": foreign.store.pk},
        {"cashier": foreign.cashier.pk},
        {"number": foreign.order.number},
    ]:
        assert found_positions(till, orders, **query) == []


def test_orders_need_a_token(anonymous, orders, problem):
    for path in ("orders/", f"orders/{orders[0]['id']}/", f"orders/{orders[0]['id']}/receipt/"):
        problem(anonymous.get(path), 401, "not_authenticated")


@pytest.mark.parametrize("wrong", ["1", "x", "-1", "%00", "0190b4e0000070008000000000000001"])
def test_malformed_order_id_is_not_found(till, problem, wrong):
    problem(till.get(f"orders/{wrong}/"), 404, "not_found")


def test_deactivated_cashier_can_neither_sell_nor_take_payments(
    till, manager_client, product, problem, shop
):
    order = till.sold(line(product))

    manager_client.delete(f"users/{till.user.pk}/activation/")

    problem(till.pay(order, cash("2.50")), 401, "token_not_valid")
    problem(till.sell(line(product)), 401, "token_not_valid")
    with tenant_scope(shop):
        stored = Order.objects.get()
    assert (stored.version, stored.paid_total) == (1, 0)
