"""Content of the hash chain, written out here independently of the code that writes it."""

import hashlib
import json

import pytest

from orders.models import ChainEntry
from tenants.scope import tenant_scope
from tests.support.gateway import CAPTURED, DECLINED
from tests.support.refunds import create_refund, resolve_refund
from tests.support.shifts import by_method, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(shop):
    """Return the contents of the chain after checking each hash."""

    def read():
        with tenant_scope(shop):
            rows = list(ChainEntry.objects.order_by("sequence"))
        previous = ""
        for row in rows:
            assert row.previous_hash == previous
            previous = hashlib.sha256((previous + row.content).encode()).hexdigest()
            assert row.hash == previous
        return [row.content for row in rows]

    return read


def canonical(content):
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture
def sale(till, manager_client, make_product, gateway):
    """Return a sale of 5.00: a card declined, 1.00 cash canceled, 3.00 cash and 2.00 card paid."""
    gateway.answers = [DECLINED]
    declined = card("5.00")
    order = till.sold(line(make_product("2.50", name="Pear", sku="PEAR"), "2"), payments=[declined])
    canceled, in_cash, by_card = cash("1.00"), cash("3.00", tendered="10.00"), card("2.00")
    assert till.pay(order, canceled).status_code == 201
    assert manager_client.post(f"payments/{canceled['id']}/cancel/").status_code == 200
    assert till.pay(order, in_cash).status_code == 201
    done = till.pay(order, by_card).json()
    assert done["status"] == "completed"
    assert [each["status"] for each in done["payments"]] == [
        "declined",
        "canceled",
        "captured",
        "captured",
    ]
    done["without_money"] = (declined["id"], canceled["id"])
    return done


def test_receipt_entry_has_only_captured_payments(till, sale, entries):
    (line_,) = sale["lines"]
    captured = sale["payments"][2:]
    (text,) = entries()
    expected = {
        "order": sale["id"],
        "number": sale["number"],
        "receipt_number": 1,
        "register": sale["register"],
        "cashier": sale["cashier"],
        "sold_at": full_timestamp(sale["completed_at"], text, "sold_at"),
        "lines": [
            [line_["id"], "PEAR", "Pear", "2", "2.5", "0", normalized(line_["tax_total"]), "5"]
        ],
        "taxes": [[tax["name"], tax["percent"], tax["amount"]] for tax in sale["taxes"]],
        "payments": [[captured[0]["id"], "cash", "3", "7"], [captured[1]["id"], "card", "2", "0"]],
        "discount_total": "0",
        "tax_total": normalized(sale["tax_total"]),
        "cash_rounding": "0",
        "total": "5",
    }

    assert text == canonical(expected)
    receipt = till.get(f"orders/{sale['id']}/receipt/", {"format": "json"}).json()
    assert [each["amount"] for each in receipt["payments"]] == ["10.00", "7.00", "2.00"]
    assert not any(id in json.dumps(receipt) for id in sale["without_money"])


def test_refund_entry_has_the_method_of_each_payout(
    till, manager_client, make_product, gateway, entries
):
    """One of two cards declined its part, which was then refunded in cash."""
    order = till.sold(line(make_product("5.00")), payments=[card("3.00"), card("2.00")])
    gateway.returns = [DECLINED]
    failed = create_refund(manager_client, order, amount="2.00")
    assert failed["status"] == "failed"
    gateway.returns = [DECLINED, CAPTURED]
    pending = create_refund(manager_client, order)
    assert pending["status"] == "pending"
    assert len(entries()) == 1

    done = resolve_refund(manager_client, pending, method="cash").json()

    _, text = entries()
    (refunded_line,) = done["lines"]
    ways = {each["payment"]: each["method"] for each in done["payouts"]}
    assert sorted(ways.values()) == ["card", "cash"]
    assert text == canonical(
        {
            "refund": done["id"],
            "order": order["id"],
            "receipt_number": 2,
            "register": order["register"],
            "by": str(manager_client.user.pk),
            "completed_at": full_timestamp(done["completed_at"], text, "completed_at"),
            "lines": [[order["lines"][0]["id"], "1", normalized(refunded_line["tax_total"]), "5"]],
            "payouts": [
                [each["payment"], each["method"], normalized(each["paid"])]
                for each in sorted(done["payouts"], key=lambda each: each["id"])
            ],
            "tax_total": normalized(done["tax_total"]),
            "cash_rounding": "0",
            "total": "5",
        }
    )
    assert failed["id"] not in text


def test_z_report_entry_has_no_failed_payments_or_refunds(
    till, manager_client, shop, make_product, gateway, entries
):
    shift = open_shift(till, "100.00")
    gateway.answers = [DECLINED, CAPTURED]
    order = till.sold(line(make_product("5.00")), payments=[card("5.00")])
    assert till.pay(order, card("5.00")).json()["status"] == "completed"
    gateway.returns = [DECLINED]
    assert create_refund(manager_client, order)["status"] == "failed"
    assert close_shift(manager_client, shift, "100.00").status_code == 200

    _, text = entries()

    z = json.loads(text)
    assert canonical(z) == text
    assert by_method(z["payments"], "amount") == {"card": 5}
    assert by_method(z["payments"], "refunded") == {"card": 0}
    assert [each["count"] for each in z["payments"]] == [1]
    assert (z["refunds"]["count"], z["refunds"]["total"]) == (0, "0.00")
    assert z == fetch_shift_report(manager_client, shift, "z")


def full_timestamp(shown, text, name):
    """Return the full-precision timestamp in `text` of the time shown in milliseconds."""
    stored = json.loads(text)[name]
    assert stored.startswith(shown.removesuffix("Z"))
    assert stored.endswith("+00:00")
    return stored


def normalized(amount):
    """Return the amount without trailing zeros, as the chain stores it."""
    return amount.rstrip("0").rstrip(".")
