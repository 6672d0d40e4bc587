"""Price lists of a customer group: sales to customers, and orders whose customer is set later."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Order, OrderLine
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.factories.price_list import PriceListFactory
from tests.support.approvals import grant_approval, request_approval
from tests.support.offline import build_offline_line, build_offline_sale, upload_all_booked
from tests.support.till import cash, get_line, line, percent

pytestmark = pytest.mark.django_db


@pytest.fixture
def members(shop):
    return CustomerGroupFactory(tenant=shop, name="Members")


@pytest.fixture
def member(shop, members):
    return CustomerFactory(tenant=shop, group=members)


@pytest.fixture
def stranger(shop):
    return CustomerFactory(tenant=shop)


@pytest.fixture
def apple(make_product, add_price, shop, members):
    """Return a product for 2.00, for everybody 1.90, and for members 1.50."""
    product = make_product("2.00", stock="500")
    add_price(product, "1.90")
    of_members = PriceListFactory(tenant=shop, priority=20, customer_group=members)
    add_price(product, "1.50", price_list=of_members)
    return product


def to(customer):
    return {"customer": {"id": str(customer.pk)}}


def snapshot(shop):
    with tenant_scope(shop):
        return [list(model.objects.order_by("pk").values()) for model in (Order, OrderLine)]


def prices(order):
    return [(each["list_price"], each["unit_price"], each["total"]) for each in order["lines"]]


def set_customer(till, order, customer, **more):
    body = {"customer": {"id": str(customer.pk)} if customer else None, **more}
    return till.patch(f"orders/{order['id']}/", body, If_Match="*")


def test_group_of_the_customer_decides(till, apple, member, stranger):
    bodies = [till.order(line(apple), **more) for more in (to(member), to(stranger), {})]

    calculated = [prices(till.post("orders/calculate/", body).json()) for body in bodies]
    sold = [prices(till.post("orders/", body).json()) for body in bodies]

    assert sold == calculated
    assert [each[0][0] for each in sold] == ["1.50", "1.90", "1.90"]


def test_unknown_customer_is_rejected_by_a_calculation(till, apple, problem):
    body = {"lines": [line(apple)], "customer": {"id": "01980000-0000-7000-8000-000000000000"}}

    problem(till.post("orders/calculate/", body), 400, "invalid", {"customer.id": "does_not_exist"})


def test_added_and_changed_lines_have_the_price_of_the_group(till, apple, member):
    order = till.sold(**to(member))
    path = f"orders/{order['id']}/lines/"

    added = till.post(path, line(apple)).json()
    changed = till.patch(f"{path}{get_line(added)['id']}/", {"quantity": "2"}, If_Match="*").json()

    assert prices(added) == [("1.50", "1.50", "1.50")]
    assert prices(changed) == [("1.50", "1.50", "3.00")]


def test_customer_who_is_set_later_prices_all_lines_anew(till, apple, member, stranger):
    order = till.sold(line(apple, "2"), line(apple, note="kept"))

    as_stranger = set_customer(till, order, stranger).json()
    as_member = set_customer(till, order, member, note="Card shown").json()
    removed = set_customer(till, order, None).json()

    assert prices(as_stranger) == [("1.90", "1.90", "3.80"), ("1.90", "1.90", "1.90")]
    assert prices(as_member) == [("1.50", "1.50", "3.00"), ("1.50", "1.50", "1.50")]
    assert (as_member["total"], as_member["note"]) == ("4.50", "Card shown")
    assert as_member["customer"]["id"] == str(member.pk)
    assert as_member["lines"][1]["note"] == "kept"
    assert as_member["version"] == as_stranger["version"] + 1
    assert prices(removed) == prices(as_stranger)
    assert removed["customer"] is None
    assert till.shown(order) == removed


def test_number_of_lines_costs_no_queries_for_a_customer(till, apple, member, make_product):
    others = [make_product("1.00", sku=f"P{place}") for place in range(12)]

    def count(products):
        order = till.sold(*map(line, products))
        with CaptureQueriesContext(connection) as queries:
            assert set_customer(till, order, member).status_code == 200
        return len(queries)

    assert count([apple, others[0]]) == count([apple, *others])


def test_entered_name_and_note_keep_the_prices(till, apple, shop):
    order = till.sold(line(apple))
    with tenant_scope(shop):
        OrderLine.objects.update(list_price="1.80", unit_price="1.80")

    answer = till.patch(
        f"orders/{order['id']}/", {"customer": {"name": "Ann"}, "note": "x"}, If_Match="*"
    )

    assert get_line(answer.json())["list_price"] == "1.80"


def test_typed_price_stays_and_needs_an_approval_again(
    till, managers_till, manager_client, apple, member, problem, shop
):
    order = managers_till.sold(line(apple, unit_price="1.90"))
    before = snapshot(shop)

    refused = problem(set_customer(till, order, member), 403, "approval_required")

    # 1.90 is above the price of members.
    assert refused["action"] == "price_override"
    assert snapshot(shop) == before
    request = {name: refused[name] for name in ("action", "object", "amount")}
    approval = grant_approval(manager_client, request_approval(till, **request))["id"]
    changed = set_customer(till, order, member, approval=approval)
    assert changed.status_code == 200, changed.content
    assert prices(changed.json()) == [("1.50", "1.90", "1.90")]


def test_discount_of_the_order_follows_the_new_prices(till, apple, member):
    order = till.sold(line(apple, "2"), discounts=[percent("10")])

    changed = set_customer(till, order, member).json()

    assert (changed["subtotal"], changed["discount_total"], changed["total"]) == (
        "3.00",
        "0.30",
        "2.70",
    )


def test_customer_is_refused_if_more_was_paid(till, apple, member, problem, shop):
    order = till.sold(line(apple, "2"), payments=[cash("3.50")])
    before = snapshot(shop)

    problem(set_customer(till, order, member), 409, "paid_more_than_total")
    assert snapshot(shop) == before


def test_payment_that_covers_the_new_total_completes_the_order(till, apple, member):
    order = till.sold(line(apple, "2"), payments=[cash("3.00")])

    changed = set_customer(till, order, member).json()

    assert (changed["status"], changed["total"]) == ("completed", "3.00")
    assert changed["customer"]["id"] == str(member.pk)


def test_uploads_are_judged_for_their_customer(till, apple, member, stranger):
    def build(number, customer, price):
        sold = build_offline_line(apple, price)
        return build_offline_sale(number, sold, payments=[cash(price)], **to(customer))

    right, wrong = upload_all_booked(till, build(1, member, "1.50"), build(2, stranger, "1.50"))

    assert (right["flags"], get_line(right)["list_price"]) == ([], "1.50")
    assert set(wrong["flags"]) == {"over_limit", "price_differs"}
    assert get_line(wrong)["list_price"] == "1.90"


def test_group_of_another_shop_does_not_exist(manager_client, other_shop, problem):
    theirs = str(CustomerGroupFactory(tenant=other_shop).pk)
    body = {"name": "Members", "priority": 1, "customer_group": theirs}

    problem(
        manager_client.post("price-lists/", body),
        400,
        "invalid",
        {"customer_group": "does_not_exist"},
    )
    assert manager_client.get("price-lists/").json()["results"] == []


def test_list_shows_its_group(manager_client, members):
    body = {"name": "Members", "priority": 1, "customer_group": str(members.pk)}

    made = manager_client.post("price-lists/", body).json()

    assert made["customer_group"] == str(members.pk)
    path = f"price-lists/{made['id']}/"
    changed = manager_client.patch(path, {"customer_group": None}, If_Match="*").json()
    assert changed["customer_group"] is None
