"""Deposits: charged with their product, edited, refunded and uploaded with it."""

from decimal import Decimal

import pytest

from orders.models import OrderLine, StockMovement
from orders.services.pricing.basket import MAX_LINES
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import BarcodeFactory, TaxClassFactory
from tests.support.labels import add_check_digit
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import create_refund, request_refund
from tests.support.till import (
    amount,
    cash,
    cash_rest,
    ensure_books_balance,
    line,
    new_id,
    percent,
    set_product,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def deposit(make_product):
    """A deposit of 0.25 without a tax class."""
    return make_product("0.25", sku="DEPOSIT", name="Deposit", tax_class=None)


@pytest.fixture
def bottle(shop, make_product, deposit):
    """A bottle of water at 1.00 with a deposit."""
    product = make_product("1.00", sku="WATER", name="Water")
    set_product(shop, product, deposit=deposit)
    return product


def describe(order):
    """Return SKU, quantity and total of each line."""
    return [(each["sku"], each["quantity"], each["total"]) for each in order["lines"]]


def count_lines(shop):
    with tenant_scope(shop):
        return OrderLine.objects.count()


def test_deposit_is_a_line_of_its_own(till, bottle, deposit):
    order = till.sold(line(bottle, "6", id=new_id()), payments=[cash("7.50")])

    assert order["status"] == "completed"
    assert describe(order) == [("WATER", "6", "6.00"), ("DEPOSIT", "6", "1.50")]
    water, charged = order["lines"]
    assert (water["deposit_for"], charged["deposit_for"]) == (None, water["id"])
    assert (charged["product"], charged["name"]) == (str(deposit.pk), "Deposit")
    assert (charged["unit_price"], charged["list_price"]) == ("0.25", "0.25")
    assert (charged["scanned_code"], charged["discounts"]) == ("", [])
    assert order == till.shown(order)


def test_every_line_has_its_own_deposit(till, bottle, product):
    order = till.sold(line(bottle), line(product), line(bottle, "2"))

    assert [each[:2] for each in describe(order)] == [
        ("WATER", "1"),
        ("DEPOSIT", "1"),
        ("APPLE", "1"),
        ("WATER", "2"),
        ("DEPOSIT", "2"),
    ]
    first, second = (each["id"] for each in order["lines"] if each["sku"] == "WATER")
    charged = [each["deposit_for"] for each in order["lines"] if each["sku"] == "DEPOSIT"]
    assert charged == [first, second]


def test_deposit_is_taxed_as_its_product(till, bottle):
    order = till.sold(line(bottle, "4"))

    assert [each["taxes"][0]["percent"] for each in order["lines"]] == ["19", "19"]
    (tax,) = order["taxes"]
    assert (tax["taxable"], tax["amount"]) == ("4.20", "0.80")


def test_deposit_with_a_tax_class_is_taxed_by_it(till, shop, bottle, deposit):
    rates = [{"name": "Low", "percent": "7", "included": False, "compound": False}]
    set_product(shop, deposit, tax_class=TaxClassFactory(tenant=shop, rates=rates))

    order = till.sold(line(bottle, "4"))

    assert [each["taxes"][0]["percent"] for each in order["lines"]] == ["19", "7"]
    assert (order["lines"][1]["total"], order["total"]) == ("1.07", "5.07")


def test_deposit_of_an_untaxed_product_is_untaxed(till, shop, bottle):
    set_product(shop, bottle, tax_class=None)

    assert [each["taxes"] for each in till.sold(line(bottle))["lines"]] == [[], []]


def test_deposit_that_is_not_on_sale_is_charged(till, shop, bottle, deposit, problem):
    """To hide it from the till, a shop deactivates it."""
    set_product(shop, deposit, is_active=False)

    assert till.sold(line(bottle))["total"] == "1.25"
    problem(till.sell(line(deposit)), 400, "invalid", {"lines[0]": "not_on_sale"})


def test_deposit_takes_no_stock(till, shop, bottle, deposit):
    with tenant_scope(shop):
        before = StockMovement.objects.count()

    till.sold(line(bottle, "2"), payments=[cash_rest()])

    with tenant_scope(shop):
        moved = StockMovement.objects.exclude(product=bottle)
        assert StockMovement.objects.count() == before + 1
        assert not moved.filter(product=deposit, quantity__lt=0).exists()
        assert OrderLine.objects.get(product=deposit).tracks_stock is False
    ensure_books_balance(shop)


def test_deposit_product_itself_is_sold_as_any(till, deposit):
    order = till.sold(line(deposit, "3"), payments=[cash("0.75")])

    assert describe(order) == [("DEPOSIT", "3", "0.75")]
    assert order["lines"][0]["deposit_for"] is None


@pytest.mark.parametrize("code", ["4006381333931", "04006381333931", "(01)04006381333931(10)L1"])
def test_scan_charges_the_deposit(till, bottle, code):
    BarcodeFactory(product=bottle, code="4006381333931")

    assert till.sold({"barcode": code, "quantity": "2"})["total"] == "2.50"


def test_price_label_charges_the_deposit(till, shop, bottle):
    set_product(shop, bottle, plu="123")
    BarcodeRuleFactory(tenant=shop, pattern="21IIIIIVVVVVC", kind="price")

    order = till.sold({"barcode": add_check_digit("210012300090")})

    assert describe(order) == [("WATER", "1", "0.90"), ("DEPOSIT", "1", "0.25")]


def test_calculation_contains_the_deposit(till, shop, bottle):
    body = {"lines": [line(bottle, "2")], "discounts": [percent("5")]}

    priced = till.post("orders/calculate/", body).json()

    assert [each["is_deposit"] for each in priced["lines"]] == [False, True]
    assert describe(priced) == [("WATER", "2", "1.90"), ("DEPOSIT", "2", "0.50")]
    assert (priced["total"], priced["discount_total"]) == ("2.40", "0.10")
    assert count_lines(shop) == 0


# --- discounts ----------------------------------------------------------------------------------


def test_order_discount_leaves_the_deposit(managers_till, bottle, product):
    order = managers_till.sold(
        line(bottle, "2"), line(product), discounts=[percent("10"), amount("0.05")]
    )

    assert describe(order) == [
        ("WATER", "2", "1.78"),
        ("DEPOSIT", "2", "0.50"),
        ("APPLE", "1", "2.22"),
    ]
    assert (order["discount_total"], order["total"]) == ("0.50", "4.50")


def test_order_discount_takes_at_most_the_goods(managers_till, bottle):
    order = managers_till.sold(line(bottle), discounts=[amount("9.00")])

    assert (order["discount_total"], order["total"]) == ("1.00", "0.25")


def test_deposit_does_not_raise_the_limit_of_order_discounts(till, shop, bottle, deposit, problem):
    """A cashier may take 10 percent off the goods, not off goods and deposit."""
    set_product(shop, deposit, price=Decimal("1.00"))
    at_limit = till.sell(line(bottle, "2"), discounts=[amount("0.20")])
    assert at_limit.status_code == 201, at_limit.content
    before = count_lines(shop)

    problem(till.sell(line(bottle, "2"), discounts=[amount("0.21")]), 403, "approval_required")
    assert count_lines(shop) == before


# --- open orders --------------------------------------------------------------------------------


@pytest.fixture
def opened(managers_till, bottle):
    return managers_till.sold(line(bottle, "2"))


def path_of(order, at):
    return f"orders/{order['id']}/lines/{order['lines'][at]['id']}/"


def test_added_line_has_a_deposit(managers_till, opened, bottle):
    added = {"id": new_id(), **line(bottle, "3")}

    first, again = (
        managers_till.post(f"orders/{opened['id']}/lines/", added).json() for _ in range(2)
    )

    assert first == again
    assert describe(first)[2:] == [("WATER", "3", "3.00"), ("DEPOSIT", "3", "0.75")]
    assert first["lines"][3]["deposit_for"] == added["id"]


def test_quantity_changes_with_the_line(managers_till, opened):
    changed = managers_till.patch(path_of(opened, 0), {"quantity": "5"}, If_Match="*").json()

    assert describe(changed) == [("WATER", "5", "5.00"), ("DEPOSIT", "5", "1.25")]


def test_changed_quantity_takes_over_the_price_of_the_deposit(managers_till, shop, opened, deposit):
    set_product(shop, deposit, price=Decimal("0.30"))

    noted = managers_till.patch(path_of(opened, 0), {"note": "Cold"}, If_Match="*").json()
    assert describe(noted)[1] == ("DEPOSIT", "2", "0.50")
    changed = managers_till.patch(path_of(opened, 0), {"quantity": "3"}, If_Match="*").json()
    assert describe(changed)[1] == ("DEPOSIT", "3", "0.90")


def test_typed_price_leaves_the_deposit(managers_till, opened):
    changed = managers_till.patch(path_of(opened, 0), {"unit_price": "0.90"}, If_Match="*").json()

    assert describe(changed) == [("WATER", "2", "1.80"), ("DEPOSIT", "2", "0.50")]


def test_removed_line_removes_its_deposit(managers_till, shop, opened, product):
    managers_till.post(f"orders/{opened['id']}/lines/", line(product))

    left = managers_till.delete(path_of(opened, 0)).json()

    assert describe(left) == [("APPLE", "1", "2.50")]
    assert left["total"] == "2.50"
    assert count_lines(shop) == 1


@pytest.mark.parametrize("change", [{"quantity": "1"}, {"unit_price": "0.00"}])
def test_deposit_is_not_changed_on_its_own(managers_till, opened, change, problem):
    problem(managers_till.patch(path_of(opened, 1), change, If_Match="*"), 409, "deposit_line")

    assert managers_till.shown(opened) == opened


def test_note_of_a_deposit_is_changed(managers_till, opened):
    noted = managers_till.patch(path_of(opened, 1), {"note": "Blue"}, If_Match="*").json()

    assert noted["lines"][1]["note"] == "Blue"


def test_deposit_is_not_removed_on_its_own(managers_till, opened, problem):
    problem(managers_till.delete(path_of(opened, 1)), 409, "deposit_line")

    assert managers_till.shown(opened) == opened


def test_deposit_has_no_discount_of_its_own(managers_till, opened, problem):
    discount = percent("10", id=new_id(), line=opened["lines"][1]["id"])

    refused = managers_till.post(f"orders/{opened['id']}/discounts/", discount)

    problem(refused, 409, "deposit_line")
    assert managers_till.shown(opened) == opened


def test_later_order_discount_leaves_the_deposit(managers_till, opened):
    path = f"orders/{opened['id']}/discounts/"

    given = managers_till.post(path, percent("10", id=new_id())).json()

    assert describe(given) == [("WATER", "2", "1.80"), ("DEPOSIT", "2", "0.50")]


def test_deposits_do_not_count_towards_the_maximum_of_lines(till, bottle, problem):
    order = till.sold(*[line(bottle) for _ in range(MAX_LINES)])

    assert len(order["lines"]) == 2 * MAX_LINES
    problem(till.post(f"orders/{order['id']}/lines/", line(bottle)), 409, "too_many_lines")


# --- refunds ------------------------------------------------------------------------------------


@pytest.fixture
def sold(till, bottle, product):
    return till.sold(line(bottle, "6"), line(product), payments=[cash("10.00")])


def refund_lines(order, **quantities):
    by_sku = {each["sku"]: each["id"] for each in order["lines"]}
    return [{"line": by_sku[sku], "quantity": each} for sku, each in quantities.items()]


def get_refunded(client, order):
    shown = client.get(f"orders/{order['id']}/").json()
    return {each["sku"]: each["refunded_quantity"] for each in shown["lines"]}


def test_deposit_is_refunded_with_its_line(manager_client, sold):
    refund = create_refund(manager_client, sold, lines=refund_lines(sold, WATER="2"))

    assert refund["total"] == "2.50"
    assert [each["quantity"] for each in refund["lines"]] == ["2", "2"]
    assert refund["taxes"][0]["amount"] == "0.40"
    assert get_refunded(manager_client, sold) == {"WATER": "2", "DEPOSIT": "2", "APPLE": "0"}


def test_deposit_of_an_empty_is_refunded_alone_and_only_once(manager_client, sold):
    alone = create_refund(manager_client, sold, lines=refund_lines(sold, DEPOSIT="4"))
    bottles = create_refund(manager_client, sold, lines=refund_lines(sold, WATER="3"))

    assert (alone["total"], bottles["total"]) == ("1.00", "3.50")
    assert get_refunded(manager_client, sold) == {"WATER": "3", "DEPOSIT": "6", "APPLE": "0"}


def test_deposit_named_in_the_request_is_refunded_as_named(manager_client, sold):
    lines = refund_lines(sold, WATER="2", DEPOSIT="3")

    assert create_refund(manager_client, sold, lines=lines)["total"] == "2.75"


def test_more_deposits_than_sold_are_refused(manager_client, sold, problem):
    lines = refund_lines(sold, WATER="2", DEPOSIT="7")

    refused = request_refund(manager_client, sold, lines=lines)

    problem(refused, 400, "invalid", {"lines[1].quantity": "too_much"})
    assert get_refunded(manager_client, sold) == {"WATER": "0", "DEPOSIT": "0", "APPLE": "0"}


def test_refunds_of_everything_pay_back_what_was_paid(manager_client, sold):
    for quantity in ("1", "5"):
        create_refund(manager_client, sold, lines=refund_lines(sold, WATER=quantity))
    create_refund(manager_client, sold)

    order = manager_client.get(f"orders/{sold['id']}/").json()
    assert (order["status"], order["refunded_total"]) == ("refunded", "10.00")


def test_limit_of_refunds_includes_the_deposit(till, configure_shop, sold, problem):
    configure_shop(limits={"cashier": {"refund_amount": "2.49"}})

    refused = request_refund(till, sold, lines=refund_lines(sold, WATER="2"))

    problem(refused, 403, "approval_required")
    assert get_refunded(till, sold) == {"WATER": "0", "DEPOSIT": "0", "APPLE": "0"}


# --- receipts and reports -----------------------------------------------------------------------


def test_receipt_lists_the_deposit_below_its_line(till, sold):
    lines = till.get(f"orders/{sold['id']}/receipt/", {"format": "text"}).content.decode()

    assert 0 < lines.index("Water") < lines.index("Deposit") < lines.index("Apple")


def test_report_by_product_shows_deposits(manager_client, sold, deposit):
    rows = manager_client.get("reports/sales/", {"group_by": "product"}).json()["rows"]

    (row,) = (row for row in rows if row["key"] == str(deposit.pk))
    assert (row["quantity"], row["total"]) == ("6", "1.50"), rows


# --- uploads ------------------------------------------------------------------------------------


def upload_bottles(till, bottle, *others, quantity="2", **more):
    """Upload a sale of bottles with other lines."""
    goods = build_offline_line(bottle, "1.00", quantity, id=new_id())
    lines = [goods, *(each(goods) for each in others)]
    return upload_one_booked(till, build_offline_sale(1, *lines, **more))


def charge(deposit, quantity="2", price="0.25", **more):
    return lambda goods: build_offline_line(
        deposit, price, quantity, deposit_for=goods["id"], **more
    )


def test_upload_links_the_deposit(till, shop, bottle, deposit):
    order = upload_bottles(till, bottle, charge(deposit))

    water, charged = order["lines"]
    assert (order["total"], order["flags"]) == ("2.50", [])
    assert charged["deposit_for"] == water["id"]
    assert charged["taxes"][0]["percent"] == "19"
    with tenant_scope(shop):
        assert OrderLine.objects.get(product=deposit).tracks_stock is False


def test_uploaded_order_discount_leaves_the_deposit(till, bottle, deposit):
    order = upload_bottles(
        till, bottle, charge(deposit), discounts=[percent("5")], payments=[cash("2.40")]
    )

    assert (order["total"], order["flags"]) == ("2.40", [])
    assert describe(order) == [("WATER", "2", "1.90"), ("DEPOSIT", "2", "0.50")]


def test_upload_before_its_line_is_linked(till, bottle, deposit):
    goods = build_offline_line(bottle, "1.00", "2", id=new_id())
    item = build_offline_sale(1, charge(deposit)(goods), goods)

    order = upload_one_booked(till, item)

    assert order["flags"] == []
    assert order["lines"][0]["deposit_for"] == goods["id"]


def without_link(deposit):
    return lambda goods: build_offline_line(deposit, "0.25", "2")


@pytest.mark.parametrize("kind", ["missing", "fewer", "not linked"])
def test_upload_with_another_deposit_is_flagged(till, bottle, deposit, kind):
    others, paid = {
        "missing": ([], "2.00"),
        "fewer": ([charge(deposit, "1")], "2.25"),
        "not linked": ([without_link(deposit)], "2.50"),
    }[kind]

    order = upload_bottles(till, bottle, *others, payments=[cash(paid)])

    assert (order["total"], order["flags"]) == (paid, ["deposit_differs"])


def test_upload_of_a_deposit_that_the_catalog_does_not_have_is_flagged(till, product, deposit):
    goods = build_offline_line(product, "2.50", "1", id=new_id())

    order = upload_one_booked(
        till,
        build_offline_sale(1, goods, charge(deposit, "1")(goods), payments=[cash("2.75")]),
    )

    assert order["flags"] == ["deposit_differs"]


def test_upload_of_an_inactive_deposit_is_not_flagged(till, shop, bottle, deposit):
    set_product(shop, deposit, is_active=False)

    assert upload_bottles(till, bottle, charge(deposit))["flags"] == []


@pytest.mark.parametrize("named", ["unknown", "itself", "a deposit"])
def test_upload_of_a_deposit_of_no_line_is_rejected(till, shop, bottle, deposit, named):
    goods = build_offline_line(bottle, "1.00", "2", id=new_id())
    first = build_offline_line(deposit, "0.25", "2", id=new_id(), deposit_for=goods["id"])
    other = {"unknown": new_id(), "itself": new_id(), "a deposit": first["id"]}[named]
    own = {"id": other} if named == "itself" else {}
    second = build_offline_line(deposit, "0.25", "2", deposit_for=other, **own)
    item = build_offline_sale(1, goods, first, second)

    (result,) = till.post(
        "sync/orders/",
        {"register": str(till.register.pk), "batch": [item]},
        Idempotency_Key="rejected",
    ).json()["results"]

    assert (result["status"], result["code"]) == ("rejected", "invalid")
    (error,) = result["errors"]
    assert (error["field"], error["code"]) == ("lines[2].deposit_for", "does_not_exist")
    assert count_lines(shop) == 0


def test_upload_of_a_sale_that_was_made_online_is_a_duplicate(till, bottle, deposit):
    order = till.sold(line(bottle, "2", id=new_id()), payments=[cash("2.50")])
    goods = build_offline_line(bottle, "1.00", "2", id=order["lines"][0]["id"])
    item = build_offline_sale(1, charge(deposit)(goods), goods, id=order["id"])

    answer = till.post(
        "sync/orders/",
        {"register": str(till.register.pk), "batch": [item]},
        Idempotency_Key="duplicate",
    ).json()["results"][0]

    assert (answer["status"], answer["order"]["id"]) == ("duplicate", order["id"])
