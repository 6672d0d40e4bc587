"""Waste with a reason: movements, refunds without restock, and the report."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from orders.models import Product
from tenants.scope import tenant_scope
from tests.support.till import cash, ensure_books_balance, get_stock_level, line, new_id


@pytest.mark.parametrize("why", ["expired", "damaged", "missing", "own_use", "sample"])
def test_waste_has_a_reason(stockroom, product, why, shop):
    shown = stockroom.moved("waste", product, "2", waste_reason=why)

    assert (shown["quantity"], shown["waste_reason"], shown["reason"]) == ("-2", why, "")
    assert [each["id"] for each in stockroom.found(waste_reason=why)] == [shown["id"]]
    assert stockroom.level(product) == 8
    ensure_books_balance(shop)


def test_other_reason_is_explained(stockroom, product):
    shown = stockroom.moved("waste", product, waste_reason="other", reason="Fell into the river")
    assert (shown["waste_reason"], shown["reason"]) == ("other", "Fell into the river")


@pytest.mark.parametrize(
    ("kind", "more", "field", "code"),
    [
        ("waste", {"waste_reason": "other"}, "reason", "required"),
        ("waste", {"waste_reason": "returned"}, "waste_reason", "invalid_choice"),
        ("waste", {"waste_reason": "x"}, "waste_reason", "invalid_choice"),
        ("receive", {"waste_reason": "expired"}, "waste_reason", "no_waste"),
    ],
)
def test_wrong_reason_is_refused(stockroom, product, problem, kind, more, field, code):
    before = stockroom.books()
    problem(stockroom.move(kind, product, **more), 400, "invalid", {field: code})
    assert stockroom.books() == before


def test_refund_without_restock_is_returned_waste(stockroom, managers_till, product, store):
    order = managers_till.sold(line(product, "2"), payments=[cash("5.00")])
    (sold,) = order["lines"]
    body = {
        "id": new_id(),
        "reason": "Broken",
        "register": str(managers_till.register.pk),
        "lines": [{"line": sold["id"], "quantity": "1", "restock": False}],
    }
    assert managers_till.post(f"orders/{order['id']}/refunds/", body).status_code == 201

    (waste,) = stockroom.found(type="waste")
    assert (waste["waste_reason"], waste["reason"]) == ("returned", "Broken")
    (returned,) = stockroom.found(type="return")
    assert returned["waste_reason"] is None
    assert get_stock_level(product, store) == (8, 0)


@pytest.fixture
def wasted(stockroom, make_product, shop):
    """Waste products with a cost and without one, today and two days ago."""
    milk, bread = make_product(sku="MILK", name="Milk"), make_product(sku="BREAD", name="Bread")
    with tenant_scope(shop):
        Product.objects.filter(pk=milk.pk).update(cost="0.80")
    stockroom.moved("waste", milk, "2", waste_reason="expired")
    stockroom.moved("waste", milk, "1", waste_reason="damaged")
    stockroom.moved("waste", bread, "3", waste_reason="expired")
    stockroom.moved("waste", bread, "1")
    before = (timezone.now() - timedelta(days=2)).isoformat()
    stockroom.moved("waste", milk, "5", waste_reason="expired", occurred_at=before)
    return milk, bread


def report(stockroom, **query):
    response = stockroom.get("reports/waste/", query)
    assert response.status_code == 200, response.content
    return response.json()


def test_report_sums_by_reason_and_by_product(stockroom, wasted):
    milk, bread = wasted

    by_reason = report(stockroom)
    assert [
        (row["key"], row["times"], row["quantity"], row["cost_total"], row["times_without_cost"])
        for row in by_reason["rows"]
    ] == [
        ("expired", 2, "5", "1.60", 1),
        ("damaged", 1, "1", "0.80", 0),
        ("", 1, "1", "0.00", 1),
    ]
    assert (by_reason["times"], by_reason["cost_total"]) == (4, "2.40")
    by_product = report(stockroom, group_by="product")["rows"]
    assert [(row["key"], row["quantity"], row["cost_total"]) for row in by_product] == [
        (str(milk.pk), "3", "2.40"),
        (str(bread.pk), "4", "0.00"),
    ]


def test_report_is_of_business_days_and_a_store(stockroom, wasted):
    days = stockroom.store.business_days
    first = days.day_at(timezone.now() - timedelta(days=2))
    of_days = {"from": first.isoformat(), "to": days.day_at(timezone.now()).isoformat()}

    assert report(stockroom, **of_days)["cost_total"] == "6.40"
    assert report(stockroom, **{"from": first.isoformat()})["cost_total"] == "4.00"
    other = {"store": str(stockroom.second.pk)}
    assert report(stockroom, **of_days, **other) == {"rows": [], "times": 0, "cost_total": "0.00"}


def test_wrong_query_of_the_report_is_refused(stockroom, problem, client_of, cashier):
    for query, field, code in (
        ({"to": "2026-01-01"}, "from", "required"),
        ({"group_by": "day"}, "group_by", "invalid_choice"),
        ({"cashier": new_id()}, "cashier", "unknown_field"),
        ({"store": new_id()}, "store", "does_not_exist"),
    ):
        problem(stockroom.get("reports/waste/", query), 400, "invalid", {field: code})
    problem(client_of(cashier).get("reports/waste/"), 403, "permission_denied")


def test_report_takes_the_same_queries_for_any_number_of_movements(stockroom, wasted, make_product):
    with CaptureQueriesContext(connection) as few:
        report(stockroom)
    for _ in range(3):
        stockroom.moved("waste", make_product(), waste_reason="sample")
    with CaptureQueriesContext(connection) as many:
        report(stockroom)
    assert len(many) == len(few)
