"""Receipts as data, text and HTML."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest
import time_machine
from django.utils import timezone

from orders.models import Order
from orders.services.documents.printer_settings import COLUMNS
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, TaxClassFactory
from tests.support.till import Till, amount, card, cash, line, percent

pytestmark = pytest.mark.once

WIDTH = COLUMNS[80]

NIGHT = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
EVIL = "<img src=x onerror=\"alert(1)\"> & 'sons'"


@pytest.fixture
def sale(till, make_product, shop, store):
    """Return a sale with weight, note, discounts and two payments, after midnight in its store."""
    with tenant_scope(shop):
        store.address = "1 High Street\nTown"
        store.save_changes("address")
        shop.limits["cashier"]["line_discount_percent"] = "20"
        shop.save_changes("limits")
    vat = [{"name": "VAT", "percent": "19", "included": True, "compound": False}]
    cheese = make_product(
        "19.90",
        name="Cheese",
        sold_by="weight",
        tax_class=TaxClassFactory(tenant=shop, rates=vat),
    )
    order = till.sold(
        line(cheese, "0.500", note="In slices", discounts=[percent("10", reason="Friend")]),
        line(make_product("1.00", name="Bag", tax_class=None)),
        discounts=[amount("0.36")],
        payments=[card("5.00"), cash("4.59", tendered="10.00")],
    )
    with tenant_scope(shop):
        Order.objects.update(completed_at=NIGHT)
    return till.shown(order)


def receipt(client, order, form="json"):
    return client.get(f"orders/{order['id']}/receipt/", {"format": form})


def test_json_receipt_has_all_sections(till, sale, cashier, shop):
    response = receipt(till, sale)

    assert response.status_code == 200
    shown = response.json()
    assert (shown["shop"], shown["store"], shown["register"]) == ("Green Grocery", "Main", "Till 1")
    assert (shown["number"], shown["order"], shown["order_id"]) == (1, "1-000001", sale["id"])
    assert (shown["cashier"], shown["currency"]) == (str(cashier), "EUR")
    assert shown["address"] == "1 High Street\nTown"
    assert words_and_amounts(shown["lines"]) == [
        ("Cheese", "9.95"),
        ("0.5 x 19.90", ""),
        ("In slices", ""),
        ("Friend", "-1.00"),
        ("Bag", "1.00"),
        ("1 x 1.00", ""),
    ]
    assert [row["is_detail"] for row in shown["lines"]] == [False, True, True, True, False, True]
    assert words_and_amounts(shown["totals"]) == [
        ("Subtotal", "10.95"),
        ("Discount", "-0.36"),
        ("TOTAL EUR", "9.59"),
    ]
    assert words_and_amounts(shown["payments"]) == [
        ("Card", "5.00"),
        ("Cash", "10.00"),
        ("Change", "5.41"),
    ]
    assert words_and_amounts(shown["taxes"]) == [
        ("VAT 19 % incl. on 7.25", "1.38"),
        ("Gross", "8.63"),
    ]
    assert shown["tax_rates"] == [
        {
            "name": "VAT",
            "percent": "19",
            "included": True,
            "base": "7.25",
            "tax": "1.38",
            "gross": "8.63",
        }
    ]


def words_and_amounts(rows):
    return [(row["words"], row["amount"]) for row in rows]


@pytest.mark.parametrize(
    ("shop_timezone", "store_timezone", "sold_at"),
    [
        ("Europe/Berlin", "", "2026-07-01T00:30:00+02:00"),
        ("Europe/Berlin", "America/New_York", "2026-06-30T18:30:00-04:00"),
        ("UTC", "Asia/Kathmandu", "2026-07-01T04:15:00+05:45"),
    ],
)
def test_receipt_time_is_in_the_timezone_of_the_store(
    till, sale, shop, store, shop_timezone, store_timezone, sold_at
):
    with tenant_scope(shop):
        shop.timezone, store.timezone = shop_timezone, store_timezone
        shop.save_changes("timezone")
        store.save_changes("timezone")

    assert receipt(till, sale).json()["sold_at"] == sold_at
    assert sold_at[:16].replace("T", " ") in receipt(till, sale, "text").content.decode()
    assert sold_at[:16].replace("T", " ") in receipt(till, sale, "html").content.decode()


def test_receipt_has_start_and_end_of_the_sale(till, product, shop, store):
    with tenant_scope(shop):
        store.timezone = "Europe/Berlin"
        store.save_changes("timezone")
    began = timezone.now().replace(microsecond=0)
    with time_machine.travel(began, tick=False) as clock:
        order = till.sold(line(product))
        clock.shift(95)
        till.pay(order, cash("2.50"))

    shown = receipt(till, order).json()
    local = [moment.astimezone(store.clock) for moment in (began, began + timedelta(seconds=95))]
    assert [shown["started_at"], shown["sold_at"]] == [each.isoformat() for each in local]
    printed = receipt(till, order, "text").content.decode().splitlines()
    assert {f"Start {local[0]:%Y-%m-%d %H:%M:%S}", f"End {local[1]:%Y-%m-%d %H:%M:%S}"} <= set(
        printed
    )


def test_receipt_shows_what_the_scanned_code_says(till, make_product):
    milk = make_product("2.50", name="Milk")
    BarcodeFactory(product=milk, code="9520010000032")
    last = timezone.now() + timedelta(days=9)
    code = f"]d2010952001000003215{last:%y%m%d}17{last:%y%m%d}10L7\x1d21S9"
    order = till.sold({"barcode": code, "quantity": "1"}, payments=[cash("2.50")])

    day = f"{last:%Y-%m-%d}"
    expected = ["Lot L7", f"Best before {day}", f"Use by {day}", "Serial number S9"]
    gift = till.get(f"orders/{order['id']}/receipt/", {"prices": "false"}).json()
    for shown in (receipt(till, order).json(), gift):
        assert [row["words"] for row in shown["lines"]][-4:] == expected
    for form in ("text", "html"):
        printed = receipt(till, order, form).content.decode()
        assert all(text in printed for text in expected)


def test_gift_receipt_lists_neither_deposits_nor_empties(till, make_product):
    deposit = make_product("0.25", name="Deposit 0.25")
    water = make_product("1.00", name="Water", deposit=deposit)
    empty = make_product("0.25", name="Empty", returnable=True)
    order = till.sold(line(water, "2"), line(empty, "-4"), payments=[cash("1.50")])

    gift = till.get(f"orders/{order['id']}/receipt/", {"prices": "false"}).json()

    assert [row["words"] for row in gift["lines"]] == ["Water", "Quantity 2"]


def test_added_taxes_are_listed_before_the_total(till, make_product, shop):
    rates = [
        {"name": "GST", "percent": "5", "included": False, "compound": False},
        {"name": "QST", "percent": "9.975", "included": False, "compound": False},
    ]
    product = make_product("100.00", tax_class=TaxClassFactory(tenant=shop, rates=rates))

    order = till.sold(line(product), payments=[cash("114.98")])

    shown = receipt(till, order).json()
    assert words_and_amounts(shown["totals"]) == [
        ("Subtotal", "100.00"),
        ("GST 5 %", "5.00"),
        ("QST 9.975 %", "9.98"),
        ("TOTAL EUR", "114.98"),
    ]
    assert words_and_amounts(shown["taxes"]) == [
        ("GST 5 % added on 100.00", "5.00"),
        ("Gross", "105.00"),
        ("QST 9.975 % added on 100.00", "9.98"),
        ("Gross", "109.98"),
    ]


def test_cash_rounding_is_listed_after_the_total(till, make_product, configure_shop):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))

    order = till.sold(line(make_product("9.98")), payments=[cash("10.00")])

    assert words_and_amounts(receipt(till, order).json()["totals"])[-2:] == [
        ("TOTAL EUR", "9.98"),
        ("Cash rounding", "0.02"),
    ]


def test_receipt_omits_declined_payments(till, make_product):
    order = till.sold(line(make_product("1.91")), payments=[card("1.91")])
    assert order["payments"][0]["status"] == "declined"

    till.pay(order, cash("1.91"))

    assert words_and_amounts(receipt(till, order).json()["payments"]) == [("Cash", "1.91")]


def test_receipt_keeps_names_and_prices_after_a_catalog_change(till, sale, manager_client):
    before = receipt(till, sale).content
    product = sale["lines"][0]["product"]

    manager_client.patch(f"products/{product}/", {"name": "Gouda", "price": "1.00"}, If_Match="*")

    assert receipt(till, sale).content == before


# --- text ----------------------------------------------------------------------------------------


def test_text_receipt_has_aligned_rows(till, sale, cashier):
    response = receipt(till, sale, "text")

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    printed = response.content.decode()
    assert printed.splitlines()[:4] == [
        "              Green Grocery",
        "                   Main",
        "              1 High Street",
        "                   Town",
    ]
    for left, right in [
        ("Receipt 1", "2026-07-01 00:30"),
        ("Register Till 1", ""),
        ("Order 1-000001", ""),
        (f"Served by {cashier}", ""),
        ("Cheese", "9.95"),
        ("  0.5 x 19.90", ""),
        ("  Friend", "-1.00"),
        ("TOTAL EUR", "9.59"),
        ("Change", "5.41"),
    ]:
        row = left + right.rjust(WIDTH - len(left)) if right else left
        assert row in printed.splitlines()
    assert printed.endswith("\n")


@pytest.mark.parametrize("length", [1, 30, 41, 42, 43, 100])
def test_text_receipt_wraps_long_names_to_the_paper_width(
    till, make_product, shop, store, register, cashier, length
):
    """Long names are wrapped completely, not cut off."""
    long = "W" * length
    with tenant_scope(shop):
        shop.name, store.name, register.name = f"{long}s", f"{long}t", f"{long}r"
        cashier.display_name = f"{long}c"[:100]
        for row, field in ((shop, "name"), (store, "name"), (register, "name")):
            setattr(row, field, getattr(row, field)[-100:])
            row.save_changes(field)
        cashier.save_changes("display_name")
    product = make_product("99999999.99", name=f"{long}p")

    order = till.sold(
        line(product, "2", note=f"{long}n", discounts=[percent("1", reason=long[:100])]),
        payments=[cash("197999999.98")],
    )

    printed = receipt(till, order, "text").content.decode()
    assert max(len(row) for row in printed.splitlines()) <= WIDTH
    without_spaces = re.sub(r"\s", "", printed)
    for text in (shop.name, store.name, register.name, product.name):
        assert text in without_spaces


# --- HTML ----------------------------------------------------------------------------------------


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_html_receipt_shows_each_text_in_its_own_direction(till, make_product):
    """Letters from right to left would move the quantity or price beside them."""
    order = till.sold(
        line(make_product("1.00", name="\u05d7\u05dc\u05d1 3%")), payments=[cash("1.00")]
    )

    page = receipt(till, order, "html").content.decode()

    assert "<td><bdi>\u05d7\u05dc\u05d1 3%</bdi></td>" in page


def test_html_receipt_escapes_names(till, make_product, shop, store, cashier):
    with tenant_scope(shop):
        shop.name, store.name, store.address = EVIL, EVIL, f"{EVIL}\n{EVIL}"
        cashier.display_name = EVIL
        shop.save_changes("name")
        store.save_changes("name", "address")
        cashier.save_changes("display_name")
        till.register.name = EVIL
        till.register.save_changes("name")
    rates = [{"name": EVIL[:50], "percent": "5", "included": True, "compound": False}]
    product = make_product("1.00", name=EVIL, tax_class=TaxClassFactory(tenant=shop, rates=rates))
    order = till.sold(
        line(product, note=EVIL, discounts=[percent("1", reason=EVIL)]), payments=[cash("0.99")]
    )

    response = receipt(till, order, "html")

    assert response["Content-Type"] == "text/html; charset=utf-8"
    page = Tags(response.content.decode())
    assert {tag for tag, _ in page.tags}.isdisjoint({"img", "script", "iframe"})
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert "".join(page.text).count(EVIL) >= 9
    policy = response["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "text", "html", "pdf", "escpos"])
def test_open_order_has_no_receipt(till, product, problem, form):
    problem(receipt(till, till.sold(line(product)), form), 409, "no_receipt")


@pytest.mark.parametrize("form", ["xml", "JSON", "", "../x"])
def test_unknown_receipt_format_is_refused(till, sale, problem, form):
    problem(receipt(till, sale, form), 400, "invalid", {"format": "invalid"})


def test_unknown_receipt_parameter_is_refused(till, sale, problem):
    response = till.get(f"orders/{sale['id']}/receipt/", {"copy": "1"})

    problem(response, 400, "unknown_filter", {"copy": "unknown_filter"})


def test_receipt_of_another_shop_is_not_found(till, foreign, problem):
    problem(receipt(till, {"id": foreign.order.pk}), 404, "not_found")


def test_reading_a_receipt_does_not_change_the_order(till, sale, shop):
    for form in ("json", "text", "html"):
        receipt(till, sale, form)

    assert till.shown(sale) == sale
    with tenant_scope(shop):
        assert Order.objects.get().receipt.number == 1


def test_receipt_numbers_follow_the_order_of_completion(till, make_product, register):
    product = make_product("1.00")
    first, second, third = (till.sold(line(product)) for _ in range(3))

    numbers = [
        till.pay(order, cash("1.00")).json()["receipt_number"] for order in (second, third, first)
    ]

    assert numbers == [1, 2, 3]
    assert [each["number"] for each in (first, second, third)] == [
        "1-000001",
        "1-000002",
        "1-000003",
    ]


def test_manager_can_read_the_receipt_of_a_cashier(sale, manager, register):
    assert receipt(Till(manager, register), sale).status_code == 200
