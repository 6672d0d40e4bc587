"""The content of hash chain entries."""

import json

from orders.models import ChainEntry, Order, Refund
from tenants.scope import tenant_scope
from tests.support.gateway import CAPTURED, DECLINED
from tests.support.refunds import build_refund_lines, create_refund
from tests.support.till import card, cash, line, percent


def entry_content(shop, kind):
    with tenant_scope(shop):
        return json.loads(ChainEntry.objects.get(kind=kind).content)


def test_receipt_entry_has_lines_taxes_and_captured_payments(
    managers_till, make_product, gateway, shop
):
    """Of two cards one is declined; the rest is paid in cash with change."""
    product = make_product("11.90", sku="TEA", name="Tea")
    gateway.answers = [DECLINED, CAPTURED]
    order = managers_till.sold(
        line(product, "2"), discounts=[percent("10")], payments=[card("5.00"), card("6.00")]
    )
    paid = managers_till.pay(order, cash("15.42", tendered="20.00")).json()

    tea, (_, by_card, in_cash) = paid["lines"][0], paid["payments"]
    with tenant_scope(shop):
        sold_at = Order.objects.get().completed_at
    assert entry_content(shop, "receipt") == {
        "order": paid["id"],
        "number": paid["number"],
        "receipt_number": 1,
        "register": str(managers_till.register.pk),
        "cashier": str(managers_till.user.pk),
        "sold_at": sold_at.isoformat(),
        "lines": [[tea["id"], "TEA", "Tea", "2", "11.9", "2.38", "3.42", "21.42"]],
        "taxes": [["VAT", "19", "3.42"]],
        "payments": [
            [by_card["id"], "card", "6", "0"],
            [in_cash["id"], "cash", "15.42", "4.58"],
        ],
        "discount_total": "2.38",
        "tax_total": "3.42",
        "cash_rounding": "0",
        "total": "21.42",
    }


def test_refund_entry_has_lines_and_payouts(till, manager_client, make_product, gateway, shop):
    sold = till.sold(line(make_product("11.90"), "2"), payments=[card("10.00"), cash("13.80")])

    done = create_refund(manager_client, sold, lines=build_refund_lines(sold, "2"))

    with tenant_scope(shop):
        refund = Refund.objects.get()
    content = entry_content(shop, "refund")
    assert sorted(content.pop("payouts")) == sorted(
        [
            [sold["payments"][0]["id"], "card", "10"],
            [sold["payments"][1]["id"], "cash", "13.8"],
        ]
    )
    assert content == {
        "refund": done["id"],
        "order": sold["id"],
        "receipt_number": 2,
        "register": str(till.register.pk),
        "by": str(manager_client.user.pk),
        "completed_at": refund.completed_at.isoformat(),
        "lines": [[sold["lines"][0]["id"], "2", "3.8", "23.8"]],
        "tax_total": "3.8",
        "cash_rounding": "0",
        "total": "23.8",
    }
