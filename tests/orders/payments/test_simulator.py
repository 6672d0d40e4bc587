"""The simulated gateway takes no cards where nobody has chosen it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core import checks

from orders.gateways import Charge, GatewayRefund, Outcome, get_payment_gateway
from orders.gateways.simulated import SimulatedGateway
from tests.support.refunds import create_refund, request_refund, snapshot_refund_rows
from tests.support.till import card, cash, line, new_id

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[3]
SIMULATED = "orders.E001"


@pytest.fixture
def unchosen(settings):
    settings.PAYMENT_SIMULATOR = False


@pytest.fixture
def gateway_of(settings):
    """Name another gateway for the test, and forget it again."""

    def name(path):
        settings.PAYMENT_GATEWAY = path
        get_payment_gateway.cache_clear()

    yield name
    get_payment_gateway.cache_clear()


def found():
    return [each.id for each in checks.run_checks(include_deployment_checks=True)]


def test_it_refuses_to_charge_and_nothing_is_written(unchosen, till, make_product, shop, problem):
    product = make_product("2.50")
    before = snapshot_refund_rows(shop)

    told = problem(till.sell(line(product), payments=[card("2.50")]), 409, "no_card_reader")
    mixed = till.sell(line(product), payments=[cash("1.00"), card("1.50")])

    problem(mixed, 409, "no_card_reader")
    assert "entry" in told["detail"]
    assert snapshot_refund_rows(shop) == before


def test_an_open_order_is_paid_otherwise(unchosen, till, make_product, shop, problem):
    order = till.sold(line(make_product("2.50")))
    before = snapshot_refund_rows(shop)

    problem(till.pay(order, card("2.50")), 409, "no_card_reader")
    assert snapshot_refund_rows(shop) == before

    paid = till.pay(order, card("2.50", entry="external", reference="slip")).json()
    assert paid["status"] == "completed"


def test_it_gives_nothing_back_either(settings, till, manager_client, make_product, shop, problem):
    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    settings.PAYMENT_SIMULATOR = False
    before = snapshot_refund_rows(shop)

    problem(request_refund(manager_client, order), 409, "no_card_reader")
    assert snapshot_refund_rows(shop) == before

    assert create_refund(manager_client, order, method="cash")["status"] == "done"


def test_asked_all_the_same_it_says_that_nothing_was_charged(unchosen):
    key = new_id()
    gateway = SimulatedGateway()

    charged = gateway.charge(Charge(key, 1, "EUR", 2), timeout=1)
    returned = gateway.refund(GatewayRefund(key, key, 1, "EUR", 2), timeout=1)

    assert charged.outcome == returned.outcome == Outcome.DECLINED


@pytest.mark.parametrize(
    ("debug", "chosen", "path", "fails"),
    [
        (False, True, "orders.gateways.simulated.SimulatedGateway", True),
        (False, False, "orders.gateways.simulated.SimulatedGateway", False),
        (True, True, "orders.gateways.simulated.SimulatedGateway", False),
        (False, True, "tests.support.gateway.ScriptedGateway", False),
    ],
)
def test_a_deployment_must_not_simulate_cards(debug, chosen, path, fails, settings, gateway_of):
    settings.DEBUG, settings.PAYMENT_SIMULATOR = debug, chosen
    gateway_of(path)

    assert (SIMULATED in found()) is fails


def test_another_gateway_charges_without_the_simulator(unchosen, till, make_product, gateway_of):
    gateway_of("tests.support.gateway.ScriptedGateway")

    order = till.sold(line(make_product("2.50")), payments=[card("2.50")])

    assert order["payments"][0]["entry"] == "gateway"


@pytest.mark.parametrize(("debug", "default"), [("on", "True"), ("off", "False")])
def test_it_is_chosen_by_default_only_in_debug(debug, default):
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

    assert ran.stdout.strip() == default
