"""The sales log has one line for each completed sale."""

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
def sales_log():
    """Return a function that reads the sales log in the production format."""
    stream = io.StringIO()
    config = deepcopy(logging_config(debug=False, level="WARNING"))
    config["handlers"]["console"]["stream"] = stream
    logging.config.dictConfig(config)

    def read():
        written = [json.loads(text) for text in stream.getvalue().splitlines()]
        return [each for each in written if each["logger"] == "till.sales"]

    yield read
    logging.config.dictConfig(django_settings.LOGGING)


def test_completed_sale_is_one_log_line(till, product, sales_log, shop):
    order = till.sold(line(product, "2"), payments=[cash("5.00")])
    before = sales_log()

    relay_all()
    relay_all()

    (written,) = sales_log()
    assert before == [], "the request must not write the log itself"
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


def test_logged_amount_has_the_decimals_of_the_currency(
    till, make_product, configure_shop, sales_log
):
    configure_shop("JPY")
    till.sold(line(make_product("250")), payments=[cash("250")])

    relay_all()

    assert [(each["total"], each["currency"]) for each in sales_log()] == [("250", "JPY")]


def test_order_is_logged_when_it_is_completed(till, product, sales_log):
    order = till.sold(line(product, "2"), payments=[cash("1.00")])
    relay_all()
    before = sales_log()

    till.pay(order, cash("4.00"))
    relay_all()

    assert before == []
    assert [each["order"] for each in sales_log()] == [order["id"]]


def test_refused_and_declined_sales_are_not_logged(till, product, gateway, sales_log):
    gateway.answers = [DECLINED]
    till.sold(line(product), payments=[card("2.50")])
    assert till.sell(line(product, "100"), payments=[cash("250.00")]).status_code == 409

    relay_all()

    assert sales_log() == list_events("order.completed") == []


def test_repeated_order_is_logged_once(till, product, sales_log):
    body = till.order(line(product), payments=[card("2.50")])
    for _ in range(3):
        till.post("orders/", body)

    relay_all()

    assert len(sales_log()) == 1


def test_sales_are_logged_in_order(till, product, sales_log):
    numbers = [till.sold(line(product), payments=[cash("2.50")])["number"] for _ in range(4)]

    relay_all()

    assert [each["number"] for each in sales_log()] == numbers


def test_offline_sale_is_logged_with_the_time_of_sale(till, product, sales_log):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=2))
    )

    relay_all()

    (written,) = sales_log()
    assert (written["event"], written["order"]) == ("sale", order["id"])
    assert written["sold_at"][:23] == order["sold_at"][:23], "to the millisecond"
