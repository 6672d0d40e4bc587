"""The simulated gateway charges no cards unless the installation chose it."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import checks
from django.utils import timezone

from orders.gateways import Charge, GatewayRefund, Outcome, get_payment_gateway
from orders.gateways.simulated import SimulatedGateway
from tests.factories.card_readers import CardReaderFactory
from tests.support.order_relay import relay_all
from tests.support.refunds import create_refund, request_refund, snapshot_refund_rows
from tests.support.till import card, cash, line, new_id

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
SIMULATOR_ERROR = "orders.E001"


@pytest.fixture
def simulator_disabled(settings):
    settings.PAYMENT_SIMULATOR = False


@pytest.fixture
def set_gateway(settings):
    """Set another gateway for the test and reset the cached one afterwards."""

    def name(path):
        settings.PAYMENT_GATEWAY = path
        get_payment_gateway.cache_clear()

    yield name
    get_payment_gateway.cache_clear()


def check_ids():
    return [each.id for each in checks.run_checks(include_deployment_checks=True)]


def test_disabled_simulator_refuses_card_sales(
    simulator_disabled, till, make_product, shop, problem
):
    product = make_product("2.50")
    before = snapshot_refund_rows(shop)

    refusal = problem(till.sell(line(product), payments=[card("2.50")]), 409, "no_card_reader")
    mixed = till.sell(line(product), payments=[cash("1.00"), card("1.50")])

    problem(mixed, 409, "no_card_reader")
    assert "entry" in refusal["detail"]
    assert snapshot_refund_rows(shop) == before


def test_disabled_simulator_refuses_card_payments_of_open_orders(
    simulator_disabled, till, make_product, shop, problem
):
    order = till.sold(line(make_product("2.50")))
    before = snapshot_refund_rows(shop)

    problem(till.pay(order, card("2.50")), 409, "no_card_reader")
    assert snapshot_refund_rows(shop) == before

    paid = till.pay(order, card("2.50", entry="external", reference="slip")).json()
    assert paid["status"] == "completed"


def test_disabled_simulator_refuses_card_refunds(
    settings, till, manager_client, make_product, shop, problem
):
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    settings.PAYMENT_SIMULATOR = False
    before = snapshot_refund_rows(shop)

    refusal = problem(request_refund(manager_client, order), 409, "no_card_reader")
    assert "choose another refund method" in refusal["detail"]
    assert snapshot_refund_rows(shop) == before

    assert create_refund(manager_client, order, method="cash")["status"] == "done"


@pytest.fixture
def waiting(till, make_product):
    """An order whose card is awaited at the simulated reader of the register."""
    CardReaderFactory(register=till.register)
    return till.sold(line(make_product("1.95")), payments=[card("1.95")])


def test_simulated_reader_waits_for_the_card_of_some_amounts(till, waiting):
    assert waiting["payments"][0]["status"] == "pending"

    with time_machine.travel(timezone.now() + timedelta(seconds=11)):
        relay_all()

    assert till.shown(waiting)["status"] == "completed"


def test_payment_that_waits_at_the_simulated_reader_is_canceled(till, waiting):
    path = f"payments/{waiting['payments'][0]['id']}/cancel/"

    assert till.post(path).json()["payments"][0]["status"] == "canceled"


def test_disabled_simulator_declines_direct_calls(simulator_disabled):
    key = new_id()
    gateway = SimulatedGateway()

    charged = gateway.charge(Charge(key, 1, "EUR", 2), timeout=1)
    returned = gateway.refund(GatewayRefund(key, key, 1, "EUR", 2), timeout=1)

    assert charged.outcome == returned.outcome == Outcome.DECLINED


@pytest.mark.parametrize(
    ("debug", "chosen", "path", "expected"),
    [
        (False, True, "orders.gateways.simulated.SimulatedGateway", True),
        (False, False, "orders.gateways.simulated.SimulatedGateway", False),
        (True, True, "orders.gateways.simulated.SimulatedGateway", False),
        # A shop may still add a simulated provider.
        (False, True, "tests.support.gateway.ScriptedGateway", True),
        (False, False, "tests.support.gateway.ScriptedGateway", False),
    ],
)
def test_deployment_check_refuses_the_simulator(
    debug, chosen, path, expected, settings, set_gateway
):
    settings.DEBUG, settings.PAYMENT_SIMULATOR = debug, chosen
    set_gateway(path)

    assert (SIMULATOR_ERROR in check_ids()) is expected


def test_other_gateway_charges_without_the_simulator(
    simulator_disabled, till, make_product, set_gateway
):
    set_gateway("tests.support.gateway.ScriptedGateway")

    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    assert order["payments"][0]["entry"] == "gateway"


@pytest.mark.parametrize("debug", ["on", "off"])
def test_simulator_is_disabled_by_default(debug):
    secrets = {"SECRET_KEY": "s" * 64, "JWT_SIGNING_KEY": "j" * 64}
    script = (
        "from unittest.mock import patch\n"
        "with patch('environ.Env.read_env'):\n"
        "    from config.settings import PAYMENT_SIMULATOR\n"
        "print(PAYMENT_SIMULATOR)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DEBUG": debug, **secrets},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ran.stdout.strip() == "False"


def test_make_run_enables_the_simulator():
    assert "PAYMENT_SIMULATOR=on" in (ROOT / ".env.example").read_text().splitlines()
