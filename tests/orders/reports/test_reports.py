"""Sales reports: groups, amounts, filters and CSV."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.scope import tenant_scope
from tests.factories.orders import TaxClassFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Person
from tests.support.refunds import create_refund
from tests.support.reports import create_line, create_store, fetch_report, make_seller
from tests.support.shifts import hold_order
from tests.support.till import Till, amount, card, cash, line, percent

# The end of the summary, which only PostgreSQL has.
SUMMARY = 1 if connection.vendor == "postgresql" else 0
STATEMENT_COUNTS = {
    "hour": 7,
    "hour_of_day": 7,
    "hour_of_week": 7,
    "day": 7,
    "week": 7,
    "month": 7,
    "cashier": 7,
    "register": 7,
    "store": 7,
    "product": 7,
    "category": 7,
    "method": 8,
    "tax": 7,
}


@pytest.fixture
def sales_and_refund(till, manager_client, make_product):
    """Create sales of 5.00 and 7.50, a refund of 2.50, and orders that are not completed."""
    product = make_product("2.50")
    till.sold(line(product, "2"), payments=[cash("5.00")])
    order = till.sold(line(product, "3"), payments=[cash("7.50")])
    create_refund(manager_client, order, lines=[{"line": order["lines"][0]["id"], "quantity": "1"}])
    till.sold(line(product))
    hold_order(till, till.sold(line(product), payments=[cash("1.00")]))
    voided = till.sold(line(product))
    assert (
        manager_client.post(f"orders/{voided['id']}/void/", {"reason": "Left"}).status_code == 200
    )


@pytest.fixture
def sale(cashier):
    return make_seller(cashier)


@pytest.mark.parametrize("group", STATEMENT_COUNTS)
def test_report_sums_completed_sales_and_refunds(group, manager_client, sales_and_refund):
    report = fetch_report(manager_client, group_by=group)

    total = report["total"]
    assert (total["orders"], total["total"], total["tax_total"]) == (2, "12.50", "2.00")
    assert (total["refunds"], total["refunded_total"]) == (1, "2.50")
    assert (total["net_total"], total["net_tax_total"]) == ("10.00", "1.60")
    assert sum(row["orders"] for row in report["rows"]) >= 2


def test_refund_is_reported_at_its_own_time_register_and_user(
    till, manager_client, make_product, shop
):
    with time_machine.travel(datetime(2026, 3, 1, 12, tzinfo=UTC)):
        order = Till(till.user, till.register).sold(
            line(make_product("4.00")), payments=[cash("4.00")]
        )
    register = RegisterFactory(tenant=shop, store=till.register.store, name="Desk", number=7)
    with time_machine.travel(datetime(2026, 3, 3, 12, tzinfo=UTC)):
        create_refund(Person(manager_client.user), order, register=str(register.pk))

    march = {"from": "2026-03-01", "to": "2026-03-31"}
    for group, keys in (
        ("day", ("2026-03-01", "2026-03-03")),
        ("register", (str(till.register.pk), str(register.pk))),
        ("cashier", (str(till.user.pk), str(manager_client.user.pk))),
    ):
        rows = {
            row["key"]: row for row in fetch_report(manager_client, group_by=group, **march)["rows"]
        }
        sold, back = (rows[key] for key in keys)
        assert (sold["total"], sold["refunded_total"]) == ("4.00", "0.00")
        assert (back["total"], back["refunded_total"], back["net_total"]) == (
            "0.00",
            "4.00",
            "-4.00",
        )


def test_report_by_store(till, manager_client, make_product, shop):
    order = till.sold(line(make_product("4.00"), "2"), payments=[cash("8.00")])
    other = create_store(shop, "", name="=Annex")
    untracked = make_product("3.00", track_stock=False)
    Till(till.user, other).sold(line(untracked), payments=[cash("3.00")])
    create_refund(manager_client, order, amount="1.50")

    report = fetch_report(manager_client, group_by="store")
    _, table = fetch_csv(manager_client, group_by="store")

    assert [(row["key"], row["label"]) for row in report["rows"]] == [
        (str(other.store_id), "=Annex"),
        (str(till.register.store_id), till.register.store.name),
    ]
    assert [(row["total"], row["refunded_total"]) for row in report["rows"]] == [
        ("3.00", "0.00"),
        ("8.00", "1.50"),
    ]
    assert [row["net_total"] for row in table] == ["3.00", "6.50"]
    assert table[0]["label"] == "'=Annex"


def test_report_by_discount_shows_amounts_by_kind(
    till, manager_client, managers_till, make_product
):
    open_price_product = make_product("50.00", open_price=True)
    till.sold(line(make_product("10.00"), "2"), payments=[cash("20.00")])
    till.sold(
        line(make_product("10.00"), discounts=[percent("5"), amount("0.10")]),
        line(open_price_product, unit_price="10.00"),
        discounts=[amount("0.40")],
        payments=[cash("19.00")],
    )
    managers_till.sold(
        line(make_product("1.00", sold_by="weight"), "0.333", unit_price="0.50"),
        line(make_product("4.00"), "3", unit_price="1.00"),
        line(make_product("4.00"), unit_price="5.00"),
        discounts=[percent("50")],
        payments=[cash("4.08")],
    )
    managers_till.sold(line(make_product("4.00"), unit_price="5.00"), payments=[cash("5.00")])
    # An order that is not completed.
    managers_till.sold(line(make_product("4.00"), unit_price="1.00"), discounts=[percent("50")])

    def rows(**query):
        report = fetch_report(manager_client, group_by="discount", **query)
        return [(row["key"], row["orders"], row["discount_total"]) for row in report["rows"]]

    assert rows() == [
        ("line_discount", 1, "0.60"),
        ("order_discount", 2, "4.49"),
        ("price_override", 2, "9.17"),
    ]
    assert rows(cashier=str(till.user.pk)) == [
        ("line_discount", 1, "0.60"),
        ("order_discount", 1, "0.40"),
    ]
    report = fetch_report(manager_client, group_by="discount", cashier=str(manager_client.user.pk))
    assert (report["total"]["orders"], report["total"]["total"]) == (2, "9.08")
    assert report["rows"][0]["gross"] is report["rows"][0]["total"] is None
    _, table = fetch_csv(manager_client, group_by="discount")
    assert [(row["label"], row["orders"], row["discount_total"]) for row in table] == [
        ("Line discounts", "1", "0.60"),
        ("Order discounts", "2", "4.49"),
        ("Price overrides", "2", "9.17"),
    ]


def test_report_filtered_by_cashier_shows_their_sales_and_refunds(
    till, manager_client, make_product, foreign, problem
):
    order = till.sold(line(make_product("4.00"), "2"), payments=[cash("8.00")])
    create_refund(manager_client, order, amount="1.50")

    for group in ("day", "product", "method", "tax", "cashier"):
        sold = fetch_report(manager_client, group_by=group, cashier=str(till.user.pk))["total"]
        back = fetch_report(manager_client, group_by=group, cashier=str(manager_client.user.pk))[
            "total"
        ]
        assert (sold["orders"], sold["total"], sold["refunds"]) == (1, "8.00", 0)
        assert (back["orders"], back["refunds"], back["refunded_total"]) == (0, 1, "1.50")
    for unknown in (str(foreign.cashier.pk), "x"):
        refused = manager_client.get("reports/sales/", {"cashier": unknown})
        code = "invalid" if unknown == "x" else "does_not_exist"
        problem(refused, 400, "invalid", {"cashier": code})


@pytest.mark.one_server
def test_report_by_discounts_of_each_person(till, manager_client, managers_till, make_product):
    till.sold(line(make_product("10.00"), discounts=[percent("5")]), payments=[cash("9.50")])
    managers_till.sold(
        line(make_product("10.00"), discounts=[percent("50")]),
        line(make_product("4.00"), unit_price="1.00"),
        payments=[cash("6.00")],
    )

    by_person = fetch_report(manager_client, group_by="discount_cashier")
    by_kind = fetch_report(manager_client, group_by="discount")

    cashier, manager = str(till.user.pk), str(managers_till.user.pk)
    assert {row["key"]: (row["orders"], row["discount_total"]) for row in by_person["rows"]} == {
        f"{cashier}:line_discount": (1, "0.50"),
        f"{manager}:line_discount": (1, "5.00"),
        f"{manager}:price_override": (1, "3.00"),
    }
    assert f"{managers_till.user.display_name}, price overrides" in [
        row["label"] for row in by_person["rows"]
    ]
    assert by_person["total"] == by_kind["total"]


def test_report_by_reason_of_refunds(till, manager_client, make_product):
    order = till.sold(line(make_product("4.00"), "3"), payments=[cash("12.00")])
    for reason in ("Broken", "Broken", "=Too late"):
        lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
        create_refund(manager_client, order, lines=lines, reason=reason)

    report = fetch_report(manager_client, group_by="refund_reason")
    _, table = fetch_csv(manager_client, group_by="refund_reason")

    assert [
        (row["key"], row["refunds"], row["refunded_total"], row["total"]) for row in report["rows"]
    ] == [("=Too late", 1, "4.00", None), ("Broken", 2, "8.00", None)]
    assert report["total"]["refunded_total"] == "12.00"
    assert table[0]["label"] == "'=Too late"


def test_discount_report_statement_count_is_independent_of_receipts(
    till, manager_client, managers_till, make_product, statements
):
    def sell():
        till.sold(line(make_product("10.00"), discounts=[percent("5")]), payments=[cash("9.50")])
        managers_till.sold(line(make_product("4.00"), unit_price="1.00"), payments=[cash("1.00")])

    sell()
    with statements(7 + SUMMARY):
        fetch_report(manager_client, group_by="discount")
    sell()
    with statements(7 + SUMMARY):
        fetch_report(manager_client, group_by="discount")


def test_order_in_several_rows_counts_once_in_the_total(till, manager_client, make_product, shop):
    products = [
        make_product("1.00", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))
        for rate in (
            {"name": "A", "percent": "7", "included": True, "compound": False},
            {"name": "B", "percent": "19", "included": True, "compound": False},
        )
    ]
    till.sold(*map(line, products), payments=[card("1.00"), cash("1.00")])

    for group in ("product", "tax", "method", "category"):
        report = fetch_report(manager_client, group_by=group)
        assert [row["orders"] for row in report["rows"]] == [1, 1], group
        assert report["total"]["orders"] == 1


def test_amounts_that_a_group_does_not_have_are_null(manager_client, sales_and_refund):
    rows = {
        group: fetch_report(manager_client, group_by=group)["rows"][0] for group in STATEMENT_COUNTS
    }

    missing = {group: {k for k, v in row.items() if v is None} for group, row in rows.items()}
    assert missing["day"] == {"quantity", "refunded_quantity", "taxable", "refunded_taxable"}
    assert missing["product"] == {"cash_rounding", "taxable", "refunded_taxable"}
    assert rows["product"]["quantity"] == "5"
    assert {"total", "gross", "net_total"} <= missing["tax"]
    assert {"tax_total", "net_tax_total", "gross"} <= missing["method"]


# --- exact sums ----------------------------------------------------------------------------------


def test_report_sums_are_exact(configure_shop, shop, sale, register, manager_client, product):
    """The sum has more digits than a float can hold."""
    configure_shop("KWD")
    for total in ["99999999999.999"] * 30 + ["0.001", "0.002"]:
        order = sale("2026-03-01T12:00:00Z", register, total, tax_total=Decimal("0.001"))
        amounts = dict.fromkeys(("gross", "net", "total"), Decimal(total))
        with tenant_scope(shop):
            create_line(order, product, quantity=Decimal("0.001"), **amounts)

    for group in ("day", "product", "cashier"):
        total = fetch_report(manager_client, group_by=group, **{"from": "2026-03-01"})["total"]
        assert (total["total"], total["tax_total"]) == ("2999999999999.973", "0.032"), group
    assert fetch_report(manager_client, group_by="product", **{"from": "2026-03-01"})["rows"][0][
        "quantity"
    ] == ("0.032")


@pytest.mark.one_server
@pytest.mark.parametrize("group", STATEMENT_COUNTS)
def test_report_statement_count_is_independent_of_sales(
    group, manager_client, sales_and_refund, sale, shop, statements
):
    query = {"group_by": group, "from": "2026-03-01", "to": "2026-03-07"}
    sale("2026-03-01T12:00:00Z", create_store(shop, ""))
    session = 1

    with statements(session + SUMMARY + STATEMENT_COUNTS[group]):
        fetch_report(manager_client, **query)
    sale("2026-03-07T12:00:00Z", create_store(shop, ""))
    with statements(session + SUMMARY + STATEMENT_COUNTS[group]):
        fetch_report(manager_client, **query)


def test_long_report_is_read_in_pages(manager_client, sale, register, monkeypatch):
    monkeypatch.setattr("orders.services.reports.queries.PAGE_SIZE", 2)
    tax = {"name": "VAT", "percent": "19", "included": True, "compound": False}
    for day in (1, 1, 1, 9, 20):
        taxes = [tax | {"taxable": "0.84", "amount": "0.16"}]
        sale(f"2026-03-{day:02}T12:00:00Z", register, taxes=taxes, tax_total=Decimal("0.16"))
    march = {"from": "2026-03-01", "to": "2026-03-31"}

    days = fetch_report(manager_client, group_by="day", **march)
    with CaptureQueriesContext(connection) as queries:
        taxes = fetch_report(manager_client, group_by="tax", **march)

    assert [row["orders"] for row in days["rows"]] == [3, 1, 1]
    assert (taxes["rows"][0]["orders"], taxes["rows"][0]["tax_total"]) == (5, "0.80")
    pages = [each["sql"] for each in queries if each["sql"].endswith("LIMIT 2")]
    assert len(pages) == 5


# --- CSV -----------------------------------------------------------------------------------------


def fetch_csv(person, **query):
    answer = person.get("reports/sales/", {"format": "csv", **query})
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode()
    return answer, list(csv.DictReader(io.StringIO(text, newline="")))


def test_report_as_csv(manager_client, sales_and_refund):
    answer, _ = fetch_csv(manager_client, group_by="product", **{"from": "2026-03-01"})
    _, (row,) = fetch_csv(manager_client, group_by="product")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == (
        'attachment; filename="green-sales-by-product-2026-03-01-to-2026-03-01.csv"'
    )
    assert answer["Cache-Control"] == "no-store"
    assert list(row)[:5] == ["key", "label", "orders", "quantity", "gross"]
    assert list(row.values())[2:5] == ["2", "5", "12.50"]


def test_csv_labels_are_never_formulas(till, manager_client, make_product):
    product = make_product("2.00", sku="=1+1", name="@SUM(A1) \u00c4pfel")
    order = till.sold(line(product), payments=[cash("2.00")])
    with time_machine.travel(datetime(2027, 3, 1, 12, tzinfo=UTC)):
        create_refund(Person(manager_client.user), order)

    _, (row,) = fetch_csv(manager_client, group_by="product", **{"from": "2027-03-01"})

    assert row["label"] == "'=1+1 @SUM(A1) \u00c4pfel"
    assert (row["net_total"], row["cash_rounding"]) == ("-2.00", "")
