"""Each sale is one line in the log, once it is a sale."""

import io
import json
import logging.config
from copy import deepcopy

import pytest
from django.conf import settings as django_settings

from config.logging import logging_config
from tests.support.gateway import DECLINED
from tests.support.offline import ago, build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_relay import list_events, relay_all
from tests.support.till import card, cash, line


@pytest.fixture
def lines():
    """The lines of the log of sales, as production writes them, whatever else is left out."""
    stream = io.StringIO()
    config = deepcopy(logging_config(debug=False, level="WARNING"))
    config["handlers"]["console"]["stream"] = stream
    logging.config.dictConfig(config)

    def read():
        written = [json.loads(text) for text in stream.getvalue().splitlines()]
        return [each for each in written if each["logger"] == "till.sales"]

    yield read
    logging.config.dictConfig(django_settings.LOGGING)


def test_a_sale_is_one_line(till, product, lines, shop):
    order = till.sold(line(product, "2"), payments=[cash("5.00")])
    before = lines()

    relay_all()
    relay_all()

    (written,) = lines()
    assert before == [], "the till does not wait for logs"
    (event,) = list_events("order.completed")
    assert (written["event"], written["level"], written["id"]) == ("sale", "info", str(event.pk))
    assert written["sold_at"] == event.created_at.isoformat(timespec="milliseconds")
    for name, value in {
        "shop": "green",
        "tenant": str(shop.pk),
        "order": order["id"],
        "number": order["number"],
        "total": "5.00",
        "currency": "EUR",
        "store": order["store"],
        "register": order["register"],
        "receipt_number": 1,
    }.items():
        assert written[name] == value, name


def test_an_amount_has_the_decimals_of_its_currency(till, make_product, configure_shop, lines):
    configure_shop("JPY")
    till.sold(line(make_product("250")), payments=[cash("250")])

    relay_all()

    assert [(each["total"], each["currency"]) for each in lines()] == [("250", "JPY")]


def test_an_order_is_no_sale_before_it_is_paid(till, product, lines):
    order = till.sold(line(product, "2"), payments=[cash("1.00")])
    relay_all()
    before = lines()

    till.pay(order, cash("4.00"))
    relay_all()

    assert before == []
    assert [each["order"] for each in lines()] == [order["id"]]


def test_what_was_refused_or_declined_is_not_told(till, product, gateway, lines):
    gateway.answers = [DECLINED]
    till.sold(line(product), payments=[card("2.50")])
    assert till.sell(line(product, "100"), payments=[cash("250.00")]).status_code == 409

    relay_all()

    assert lines() == list_events("order.completed") == []


def test_one_order_sent_again_and_again_is_told_once(till, product, lines):
    body = till.order(line(product), payments=[card("2.50")])
    for _ in range(3):
        till.post("orders/", body)

    relay_all()

    assert len(lines()) == 1


def test_sales_are_told_in_their_order(till, product, lines):
    numbers = [till.sold(line(product), payments=[cash("2.50")])["number"] for _ in range(4)]

    relay_all()

    assert [each["number"] for each in lines()] == numbers


def test_a_sale_made_offline_has_the_time_at_which_it_was_made(till, product, lines):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=2))
    )

    relay_all()

    (written,) = lines()
    assert (written["event"], written["order"]) == ("sale", order["id"])
    assert written["sold_at"][:23] == order["sold_at"][:23], "to the millisecond"
