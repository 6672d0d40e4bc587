"""Tax bases, especially of compound taxes, in every place that shows taxes."""

from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from orders.models import Order, OrderLine
from tenants.scope import tenant_scope
from tests.factories.orders import TaxClassFactory
from tests.support.refunds import build_refund_lines, create_refund
from tests.support.shifts import close_shift, fetch_shift_report, open_shift
from tests.support.till import cash, line


def rate(name, percent, *, included=False, compound=False):
    return {"name": name, "percent": percent, "included": included, "compound": compound}


class Case(NamedTuple):
    """Two taxes of a product, each `(name, base, tax)`, as sold and for a refund of 0.333."""

    price: str
    total: str
    rates: list[dict[str, Any]]
    sold: list[tuple[str, str, str]]
    part: list[tuple[str, str, str]]


ADDED = Case(
    "100.00",
    "126.00",
    [rate("State", "5"), rate("City", "20", compound=True)],
    sold=[("State", "100.00", "5.00"), ("City", "105.00", "21.00")],
    part=[("State", "33.30", "1.67"), ("City", "34.97", "6.99")],
)
INCLUDED = Case(
    "117.70",
    "117.70",
    [rate("State", "10", included=True), rate("City", "7", included=True, compound=True)],
    sold=[("State", "100.00", "10.00"), ("City", "110.00", "7.70")],
    part=[("State", "33.30", "3.33"), ("City", "36.63", "2.56")],
)


def shown(taxes):
    return [(tax["name"], tax["taxable"], tax["amount"]) for tax in taxes]


@pytest.fixture(params=[ADDED, INCLUDED], ids=["added", "included"])
def case(request):
    return request.param


@pytest.fixture
def basket(make_product, shop, case):
    taxed = TaxClassFactory(tenant=shop, rates=case.rates)
    make_product = make_product(
        case.price, stock=None, track_stock=False, sold_by="weight", tax_class=taxed
    )
    return line(make_product)


def test_responses_and_receipts_show_compound_tax_bases(till, basket, case):
    calculated = till.post("orders/calculate/", {"lines": [basket]}).json()
    order = till.sold(basket, payments=[cash(case.total)])

    for answer in (calculated, order, till.shown(order)):
        assert shown(answer["taxes"]) == shown(answer["lines"][0]["taxes"]) == case.sold
    words = "incl." if case.rates[0]["included"] else "added"
    receipt = till.get(f"orders/{order['id']}/receipt/").json()
    assert [(row["words"], row["amount"]) for row in receipt["taxes"]] == [
        row
        for (name, base, tax), each in zip(case.sold, case.rates, strict=True)
        for row in (
            (f"{name} {each['percent']} % {words} on {base}", tax),
            ("Gross", str(Decimal(base) + Decimal(tax))),
        )
    ]
    for format_ in ("html", "text"):
        receipt_text = till.get(f"orders/{order['id']}/receipt/?format={format_}").content.decode()
        assert all(f"on {base}" in receipt_text for _, base, _ in case.sold)


def test_reports_sum_compound_tax_bases(till, manager_client, basket, case):
    shift = open_shift(till)
    for _ in range(2):
        till.sold(basket, payments=[cash(case.total)])

    twice = [(n, str(2 * Decimal(base)), str(2 * Decimal(tax))) for n, base, tax in case.sold]
    assert shown(fetch_shift_report(manager_client, shift)["taxes"]) == sorted(twice)
    by_tax = manager_client.get("reports/sales/?group_by=tax").json()["rows"]
    reported = [(row["label"].split()[0], row["taxable"], row["tax_total"]) for row in by_tax]
    assert reported == sorted(twice)


def test_refunds_return_tax_bases_completely(till, manager_client, basket, case):
    shift = open_shift(till)
    order = till.sold(basket, payments=[cash(case.total)])

    some = create_refund(
        manager_client, order, lines=build_refund_lines(order, "0.333", restock=False)
    )
    create_refund(manager_client, order, lines=build_refund_lines(order, "0.667", restock=False))
    assert close_shift(manager_client, shift, "100.00").status_code == 200

    assert shown(some["taxes"]) == case.part
    by_tax = manager_client.get("reports/sales/?group_by=tax").json()["rows"]
    refunded = [(row["refunded_taxable"], row["refunded_tax_total"]) for row in by_tax]
    assert refunded == [(base, tax) for _, base, tax in sorted(case.sold)]
    nothing = [(name, "0.00", "0.00") for name, _, _ in sorted(case.sold)]
    assert shown(fetch_shift_report(manager_client, shift, "z")["taxes"]) == nothing


def test_refund_of_an_order_without_stored_bases_uses_the_order_bases(
    till, manager_client, make_product, shop
):
    taxed = TaxClassFactory(tenant=shop, rates=ADDED.rates)
    product = make_product("100.00", tax_class=taxed)
    order = till.sold(line(product, "2"), payments=[cash("252.00")])
    with tenant_scope(shop):
        for row in OrderLine.objects.all():
            row.taxes = [{k: v for k, v in tax.items() if k != "taxable"} for tax in row.taxes]
            row.save_changes("taxes")
        row = Order.objects.get()
        row.taxes = [tax | {"taxable": "200.00"} for tax in row.taxes]
        row.save_changes("taxes")

    old = till.shown(order)
    first, second = (
        create_refund(manager_client, order, lines=build_refund_lines(order)) for _ in range(2)
    )

    stored = [("State", "200.00", "10.00"), ("City", "200.00", "42.00")]
    assert shown(old["taxes"]) == shown(old["lines"][0]["taxes"]) == stored
    half = [("State", "100.00", "5.00"), ("City", "100.00", "21.00")]
    assert shown(first["taxes"]) == shown(second["taxes"]) == half


def test_repeated_requests_get_identical_responses(till, manager_client, make_product, shop):
    taxed = TaxClassFactory(tenant=shop, rates=ADDED.rates)
    product = make_product("100.00", tax_class=taxed)
    off = [{"type": "amount", "value": "1.00", "reason": "Scratched"}]
    body = till.order(line(product, "2", discounts=off), discounts=off, payments=[cash("249.48")])

    answers = [manager_client.post("orders/", body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 200]
    assert answers[0].content == answers[1].content
    refund_body = {"id": body["id"], "reason": "Broken"}
    refunds = [manager_client.post(f"orders/{body['id']}/refunds/", refund_body) for _ in range(2)]
    assert [answer.status_code for answer in refunds] == [201, 200]
    assert refunds[0].content == refunds[1].content
