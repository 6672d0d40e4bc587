"""Receipts of refunds."""

from decimal import Decimal

import pytest

from orders.models import Refund
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.orders import TaxClassFactory
from tests.support.gateway import CAPTURED, TIMED_OUT
from tests.support.refunds import create_refund
from tests.support.till import card, cash, line, new_id

pytestmark = pytest.mark.once


@pytest.fixture
def sold(till, make_product, shop):
    vat = [{"name": "VAT", "percent": "19", "included": True, "compound": False}]
    tax_class = TaxClassFactory(tenant=shop, rates=vat)
    cheese = make_product("11.90", name="Cheese", tax_class=tax_class)
    bag = make_product("1.00", name="Bag", tax_class=None)
    return till.sold(line(cheese, "3"), line(bag), payments=[cash("36.70")])


def receipt(client, refund, form="json"):
    return client.get(f"refunds/{refund['id']}/receipt/", {"format": form})


def words(rows):
    return [(row["words"], row["amount"]) for row in rows]


@pytest.fixture
def refund(manager_client, sold):
    return create_refund(
        manager_client, sold, lines=[{"line": sold["lines"][0]["id"], "quantity": "2"}]
    )


def test_json_refund_receipt_has_all_sections(till, sold, refund, manager):
    response = receipt(till, refund)

    assert response.status_code == 200, response.content
    shown = response.json()
    assert (shown["id"], shown["prints"], shown["number"]) == (refund["id"], 0, 2)
    assert (shown["order"], shown["order_id"]) == ("1-000001", sold["id"])
    assert (shown["order_receipt_number"], shown["order_register"]) == (1, "Till 1")
    assert (shown["served_by"], shown["reason"]) == (str(manager), "broken")
    assert words(shown["lines"]) == [("Cheese", "23.80"), ("Quantity 2", "")]
    assert words(shown["totals"]) == [("REFUNDED EUR", "23.80")]
    assert words(shown["taxes"]) == [("VAT 19 % incl. on 20.00", "3.80"), ("Gross", "23.80")]
    assert words(shown["payouts"]) == [("Cash", "23.80")]


def test_text_refund_receipt_has_all_rows(till, refund):
    lines = receipt(till, refund, "text").content.decode().splitlines()

    assert lines[0].strip() == "REFUND"
    for text in ("Refund of order 1-000001", "Refund of receipt 1, Till 1", "Reason broken"):
        assert text in lines
    assert any(text.startswith("Receipt 2 ") for text in lines)
    assert lines[-1].strip() == refund["id"]


@pytest.mark.parametrize(
    "form", ["html", "escpos", pytest.param("pdf", marks=[pytest.mark.pdf, pytest.mark.once])]
)
def test_refund_receipt_has_every_format_and_one_original(till, refund, form, shop):
    assert receipt(till, refund, form).status_code == 200

    copy = receipt(till, refund, "text").content.decode().splitlines()

    assert [text.strip() for text in copy[:2]] == ["REFUND", "COPY 1"]
    assert receipt(till, refund).json()["prints"] == 2
    with tenant_scope(shop):
        event = AuditEvent.objects.get(event="receipt_copied")
        assert (event.target_type, event.target) == ("refund", Refund.objects.get().pk)


def test_refund_of_an_amount_without_goods_is_marked(till, manager_client, sold):
    refund = create_refund(manager_client, sold, amount="5.00")

    shown = receipt(till, refund).json()

    assert ("Amount only", "") in words(shown["lines"])
    assert words(shown["payouts"]) == [("Cash", "5.00")]


def test_cash_rounding_of_a_refund_is_listed(till, manager_client, make_product, configure_shop):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))
    order = till.sold(line(make_product("9.98")), payments=[cash("10.00")])

    shown = receipt(till, create_refund(manager_client, order)).json()

    assert words(shown["totals"]) == [("REFUNDED EUR", "9.98"), ("Cash rounding", "0.02")]
    assert words(shown["payouts"]) == [("Cash", "10.00")]


def test_pending_refund_has_no_receipt(till, manager_client, make_product, gateway, problem, shop):
    gateway.answers, gateway.returns = [CAPTURED], [TIMED_OUT]
    order = till.sold(line(make_product("5.00")), payments=[card("5.00")])
    refund = create_refund(manager_client, order)
    assert refund["status"] == "pending"

    for form in ("json", "text", "html"):
        problem(receipt(till, refund, form), 409, "no_receipt")

    with tenant_scope(shop):
        assert Refund.objects.get().prints == 0


def test_unknown_refund_has_no_receipt(till, refund, problem, foreign_admin):
    problem(receipt(till, {"id": new_id()}), 404, "not_found")
