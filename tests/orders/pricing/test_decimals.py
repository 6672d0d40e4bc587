"""Every amount in answers, files and events has the decimals of the currency.

`tests/support/decimals.py` checks all answers, files and events of every test;
the tests here run a day in three currencies, in which all of them occur.
"""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from orders.services.reports.sales import GroupBy
from tests.support.api import Person
from tests.support.decimals import Decimals, decimals
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import create_refund
from tests.support.shifts import close_shift, fetch_shift_report, open_shift, record_movement
from tests.support.till import amount, card, cash, line, new_id, percent

PRICES = {"EUR": "2.50", "JPY": "250", "KWD": "2.500"}
COINS = {"EUR": "0.05", "JPY": "5", "KWD": "0.005"}


@pytest.fixture(params=PRICES)
def world(request, configure_shop, make_product, till, manager_client, admin):
    """Return clients, a product and its price for a shop of each currency."""
    configure_shop(request.param)
    price = Decimal(PRICES[request.param])

    def text(times):
        return str((price * Decimal(times)).quantize(price))

    return SimpleNamespace(
        till=till,
        manager_client=manager_client,
        admin_client=Person(admin),
        product=make_product(text(1), stock="99"),
        text=text,
        coin=COINS[request.param],
    )


def test_amounts_in_a_refusal_have_the_decimals_of_the_currency(world, problem):
    till, text = world.till, world.text
    order = till.sold(line(world.product, "2"), payments=[cash(text(1))])

    refused = world.manager_client.post(f"orders/{order['id']}/void/", {"reason": "Left"})

    answer = problem(refused, 409, "order_is_paid")
    assert answer["paid"] == text(1)
    assert answer["detail"].startswith(f"Order 1-000001 has payments of {text(1)}.")
    over = till.pay(order, cash(text(3)))
    assert problem(over, 409, "payment_exceeds_due")["due"] == text(1)
    shorter = till.patch(
        f"orders/{order['id']}/lines/{order['lines'][0]['id']}/", {"unit_price": "0"}, If_Match="*"
    )
    assert shorter.status_code in {403, 409}
    assert not decimals.found


def test_amounts_in_the_audit_log_have_the_decimals_of_the_currency(world):
    head, text = world.admin_client, world.text
    changes = {"price": text(2)}
    head.patch(f"products/{world.product.pk}/", changes, If_Match="*")
    limits = {"cashier": {"refund_amount": "20"}}
    settings = {"cash_rounding_increment": world.coin, "limits": limits}
    assert head.patch("tenant/", settings, If_Match="*").status_code == 200

    facts_by_event = {each["event"]: each["facts"] for each in head.get("audit/").json()["results"]}

    price = facts_by_event["product_changed"]["changes"]["price"]
    assert price == {"from": text(1), "to": text(2)}
    limits = facts_by_event["settings_changed"]["changes"]["limits"]
    zero, twenty = text(0), str(Decimal(20) + Decimal(text(0)))
    amounts = [limits[side]["cashier"]["refund_amount"] for side in ("from", "to")]
    assert amounts == [zero, twenty]
    assert limits["from"]["cashier"]["line_discount_percent"] == "10"
    assert not decimals.found


def sell_and_refund(world):
    till, manager_client, text = world.till, world.manager_client, world.text
    reduced = line(world.product, "4", discounts=[percent("5"), amount(text("0.1"))])
    sold = till.sold(reduced, payments=[card(text(1)), {"id": new_id(), "method": "cash"}])
    part = till.sold(line(world.product), payments=[cash(text("0.5"))])
    manager_client.post(f"payments/{part['payments'][0]['id']}/cancel/", {})
    create_refund(manager_client, sold, amount=text("0.5"))
    credit = manager_client.post("store-credits/", {"id": new_id(), "amount": text(3)}).json()
    with_credit = {"method": "store_credit", "amount": text(1), "reference": credit["full_code"]}
    till.sold(line(world.product), payments=[{"id": new_id(), **with_credit}])
    upload_one_booked(
        till,
        build_offline_sale(
            1, build_offline_line(world.product, text(1)), payments=[cash(text("1.5"))]
        ),
    )
    return sold


def work_a_day(world):
    till, manager_client, text = world.till, world.manager_client, world.text
    shift = open_shift(till, text(40))
    sold = sell_and_refund(world)
    for person, kind, times in (
        (till, "paid_in", 4),
        (manager_client, "paid_out", 1),
        (manager_client, "drop", 2),
    ):
        assert record_movement(person, shift, kind, text(times)).status_code == 201
    assert (
        close_shift(
            manager_client, shift, fetch_shift_report(manager_client, shift)["cash"]["expected"]
        ).status_code
        == 200
    )
    fetch_shift_report(manager_client, shift, "z")
    return sold


@pytest.mark.slow
def test_amounts_of_a_whole_day_have_the_decimals_of_the_currency(world):
    sold = work_a_day(world)

    for path in ("orders/", "shifts/", "audit/", "changes/", "store-credits/", "products/"):
        assert world.admin_client.get(path).status_code == 200
    for group in GroupBy:
        for format_ in ("json", "csv"):
            query = {"group_by": group.value, "format": format_}
            assert world.manager_client.get("reports/sales/", query).status_code == 200
    for path in ("products/export/", f"orders/{sold['id']}/receipt/"):
        assert world.manager_client.get(path).status_code == 200
    assert not decimals.found


def test_decimals_checker_finds_amounts_with_other_decimals():
    checker = Decimals()
    wrong = {
        "paid": "2.380",
        "detail": "2.380 is paid on order 1-000001.",
        "changes": {"price": {"from": "1.190", "to": "1.20"}, "limits": [{"refund_amount": "20"}]},
        "over_short": {"cash": "1"},
        "unheard_of": "1.5",
    }
    right = {
        "paid": "2.38",
        "quantity": "0.735",
        "percent": "8.875",
        "detail": "2.38 is paid, 8.875 % at 10.0.0.1",
        "ip": "127.0.0.1",
        "count": 3,
        "unheard_of": "15",
    }

    checker.read(wrong, "EUR", "wrong")
    assert [each.rpartition(": ")[0] for each in checker.found] == [
        "wrong, paid",
        "wrong, detail",
        "wrong, changes, price, from",
        "wrong, changes, limits, refund_amount",
        "wrong, over_short, cash",
        "wrong, unheard_of",
    ]
    checker.begin()
    checker.read_sheet("label,total\r\nTea,2.5\r\n", "EUR", "report")
    assert checker.found == ["the file of report, total: 2.5"]
    checker.begin()
    checker.read(right, "EUR", "right")
    assert checker.found == []
