"""Receipts that open the cash drawer: the original of a sale or refund for cash."""

from dataclasses import replace

import pytest

from orders.services.documents import refund_receipt, sale_receipt, z_report
from orders.services.documents.printer_settings import PrinterSettings
from tests.support.escpos_printer import print_receipt
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import create_refund
from tests.support.shifts import close_shift, open_shift
from tests.support.till import card, cash, line

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def drawer_pulse(monkeypatch):
    """Set that the printer of every store opens the drawer."""
    printer = PrinterSettings(drawer_pulse=True)
    for module in (sale_receipt, refund_receipt, z_report):
        build = module.build_issuer
        monkeypatch.setattr(
            module,
            "build_issuer",
            lambda *args, build=build: replace(build(*args), printer=printer),
        )


def count_pulses(person, path, **params):
    answer = person.get(path, {"format": "escpos", **params})
    assert answer.status_code == 200, answer.content
    return print_receipt(answer.content).pulses


def test_original_of_a_cash_sale_opens_the_drawer_and_copies_do_not(till, make_product):
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
    path = f"orders/{order['id']}/receipt/"

    assert [count_pulses(till, path) for _ in range(3)] == [1, 0, 0]


def test_part_in_cash_opens_the_drawer(till, make_product):
    order = till.sold(line(make_product("2.50")), payments=[card("1.00"), cash("1.50")])

    assert count_pulses(till, f"orders/{order['id']}/receipt/") == 1


def test_sale_by_card_opens_no_drawer(till, make_product):
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    assert count_pulses(till, f"orders/{order['id']}/receipt/") == 0


def test_gift_receipt_opens_no_drawer(till, make_product):
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
    path = f"orders/{order['id']}/receipt/"

    assert count_pulses(till, path, prices="false") == 0
    assert count_pulses(till, path) == 1


def test_offline_sale_opens_no_drawer(till, make_product):
    """Its cash was put into the drawer before it was uploaded."""
    order = upload_one_booked(till, build_offline_sale(1, build_offline_line(make_product("2.50"))))

    assert count_pulses(till, f"orders/{order['id']}/receipt/") == 0


def test_original_of_a_cash_refund_opens_the_drawer(till, manager_client, make_product):
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
    refund = create_refund(manager_client, order)

    path = f"refunds/{refund['id']}/receipt/"
    assert [count_pulses(till, path) for _ in range(2)] == [1, 0]


def test_refund_to_a_card_opens_no_drawer(till, manager_client, make_product):
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    refund = create_refund(manager_client, order)

    assert count_pulses(till, f"refunds/{refund['id']}/receipt/") == 0


def test_z_report_opens_no_drawer(till):
    shift = open_shift(till)
    close_shift(till, shift, "100.00")

    assert count_pulses(till, f"shifts/{shift['id']}/z-report/") == 0
