"""Breakdown tables on detail pages add up to the amounts of the row."""

import re
from decimal import Decimal

import pytest

from accounts.admin.tables import Table
from accounts.admin_site.site import shop_site
from orders.models import Order, Payment, Receipt, Refund, Shift, StockLevel
from tenants.scope import tenant_scope
from tests.factories.orders import CashMovementFactory, ProductFactory, ShiftFactory
from tests.support.admin_data import LEVELS, MOVEMENTS, ORDERS, RECEIPTS, create_refund, create_sale
from tests.support.shifts import close_shift
from tests.support.till import Till, amount, cash, line, percent

pytestmark = pytest.mark.once

RATES = [
    {"name": "GST", "percent": "5", "included": False, "compound": False},
    {"name": "QST", "percent": "10", "included": False, "compound": True},
]


def tables(row) -> dict[str, Table]:
    with tenant_scope(row.tenant):
        row = type(row).objects.get(pk=row.pk)
        return {table.title: table for table in shop_site._registry[type(row)].build_tables(row)}


def read_column(table: Table, column: int = -1) -> list[Decimal]:
    """Return the amounts of a column; the last line is the total."""
    texts = [each.cells[column].text for each in table.lines]
    return [Decimal(str(text or 0).replace("\N{MINUS SIGN}", "-")) for text in texts]


def adds_up(table: Table, column: int = -1) -> bool:
    *parts, total = read_column(table, column)
    return sum(parts) == total


def test_order_breakdown_adds_up_from_prices_to_total(manager, register, product, shop):
    """10 % off one line, 5 % and 0.50 off the order; two taxes, the second compound."""
    pear = ProductFactory(
        tenant=shop, price=Decimal("4.15"), tax_class__rates=RATES, track_stock=False
    )
    order = {
        "discounts": [percent("5", reason="Regular"), amount("0.50")],
        "lines": [
            line(product, "3", discounts=[percent("10", reason="Promo")], unit_price="2.40"),
            line(pear),
        ],
    }
    till = Till(manager, register)
    answer = till.post("orders/", till.order(**{"lines": [], **order})).json()
    due = answer["due"]
    assert till.post(f"orders/{answer['id']}/payments/", cash(due, "50.00")).status_code < 300

    with tenant_scope(shop):
        row = Order.objects.get(pk=answer["id"])
    shown = tables(row)

    assert_lines_add_up(shown["Lines"])
    bill = shown["Total"]
    at = [each.cells[0].text for each in bill.lines].index("Total")
    *steps, total = read_column(bill)[: at + 1]
    assert sum(steps) == total == row.total
    assert read_column(bill)[-1] == 0
    assert read_column(shown["Payments"])[-1] == row.paid_total == Decimal(due)


def assert_lines_add_up(lines):
    assert all(adds_up(lines, column) for column in range(3, 9))
    for each in lines.lines:
        gross, own, share, net, _, _ = (
            Decimal(str(cell.text).replace("\N{MINUS SIGN}", "-")) for cell in each.cells[3:]
        )
        assert gross + own + share == net
    assert "list price 2.50" in lines.lines[0].cells[2].details
    assert "Promo 10 %" in lines.lines[0].cells[4].details
    assert [detail.split(" % ")[0] for detail in lines.lines[1].cells[7].details] == [
        "GST 5",
        "QST 10",
    ]


def test_refund_is_shown_on_order_payment_and_refund_pages(cashier, manager, register, product):
    order = create_sale(cashier, register, product)
    refund = create_refund(order, manager)
    with tenant_scope(order.tenant):
        order.refresh_from_db()
        (payment,) = Payment.objects.all()

    assert adds_up(tables(order)["Payments"])
    assert adds_up(tables(order)["Refunds"])
    assert read_column(tables(order)["Refunds"])[-1] == order.refunded_total == Decimal("2.50")
    assert read_column(tables(payment)["Refunds"]) == [Decimal("2.50")] * 3
    shown = tables(refund)
    assert adds_up(shown["Refunded lines"])
    assert adds_up(shown["Payouts"])
    assert "unchanged" in str(shown["Tamper check"])
    assert "REFUND" in shown["Printed text"].printed_text


def test_shift_breakdown_is_the_same_before_and_after_closing(
    cashier, manager, register, product, shop
):
    shift = ShiftFactory(register=register, opened_by=cashier)
    create_refund(create_sale(cashier, register, product), manager)
    for type, value in [("paid_in", 20), ("paid_out", 7), ("drop", 30)]:
        CashMovementFactory(shift=shift, type=type, amount=Decimal(value))

    before = tables(shift)
    assert adds_up(before["Expected cash"])
    expected = read_column(before["Expected cash"])[-1]
    assert expected == 100 + 5 - Decimal("2.50") + 20 - 7 - 30
    assert "counted when the shift is closed" in before["By payment method"].note
    assert "Printed text" not in before

    person = Till(manager, register)
    assert close_shift(person, {"id": str(shift.pk)}, str(expected - 1)).status_code == 200
    create_sale(cashier, register, product)

    after = tables(shift)
    assert after["Expected cash"] == before["Expected cash"]
    assert read_column(after["By payment method"])[0] == -1
    assert "Z REPORT" in after["Printed text"].printed_text
    assert "unchanged" in str(after["Tamper check"])


def test_stock_level_breakdown_adds_up_its_movements(cashier, register, product, managers_browser):
    for _ in range(3):
        create_sale(cashier, register, product)
    with tenant_scope(product.tenant):
        level = StockLevel.objects.get(product=product)

    (breakdown,) = tables(level).values()

    assert adds_up(breakdown, -2)
    assert read_column(breakdown, -1)[:-1] == [4, 6, 8, 10]
    page = managers_browser.get(f"{LEVELS}{level.pk}/change/").content.decode()
    assert "Movements that add up to 4" in page
    query = {"product": str(product.pk), "store": str(level.store_id)}
    assert "4 stock movements" in managers_browser.get(MOVEMENTS, query).content.decode()


def test_oldest_movements_are_summed_on_one_line(cashier, register, product, monkeypatch):
    monkeypatch.setattr("orders.admin.stock_breakdown.MAX_MOVEMENTS", 2)
    for _ in range(3):
        create_sale(cashier, register, product)
    with tenant_scope(product.tenant):
        level = StockLevel.objects.get(product=product)

    (breakdown,) = tables(level).values()

    assert len(breakdown.lines) == 4
    assert adds_up(breakdown, -2)
    assert breakdown.more


def test_receipt_page_shows_hash_and_text_without_counting_a_print(
    cashier, register, product, managers_browser
):
    order = create_sale(cashier, register, product)
    with tenant_scope(order.tenant):
        receipt = Receipt.objects.get(order=order)

    page = managers_browser.get(f"{RECEIPTS}{receipt.pk}/change/").content.decode()

    assert re.search(r"<td>[0-9a-f]{64}", page)
    assert "unchanged" in page
    assert "TOTAL EUR" in page
    with tenant_scope(order.tenant):
        receipt.refresh_from_db()
    assert receipt.prints == 0
    assert f"{receipt.pk}" in managers_browser.get(RECEIPTS, {"q": "1"}).content.decode()
    assert f"{receipt.pk}" not in managers_browser.get(RECEIPTS, {"q": "12"}).content.decode()


def test_user_input_is_escaped_on_detail_pages(cashier, manager, register, shop, managers_browser):
    markup = "<img src=x onerror=alert(1)>"
    product = ProductFactory(tenant=shop, name=markup, track_stock=False)
    order = create_sale(manager, register, product)
    refund = create_refund(order, manager, reason=markup)
    with tenant_scope(shop):
        receipt = Receipt.objects.get(order=order)

    for row in (order, refund, receipt):
        url = f"/admin/orders/{row._meta.model_name}/{row.pk}/change/"
        page = managers_browser.get(url).content.decode()
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page


@pytest.mark.parametrize(("query", "there"), [({"q": "NO-1"}, False), ({}, True)])
def test_orders_and_payments_are_found_by_order_number(
    query, there, cashier, register, product, managers_browser
):
    order = create_sale(cashier, register, product)
    query = query or {"q": order.number}

    for page in (ORDERS, "/admin/orders/payment/"):
        assert (order.number in managers_browser.get(page, query).content.decode()) is there


def test_models_with_breakdowns_define_tables():
    """Each of these models has breakdown tables on its page."""
    with_breakdown = {Order, Payment, Receipt, Refund, Shift, StockLevel}

    for model in with_breakdown:
        assert "build_tables" in vars(type(shop_site._registry[model])), model
