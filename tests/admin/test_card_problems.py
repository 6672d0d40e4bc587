"""The dashboard shows card payments and refunds that somebody has to look at, if there are any."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.admin import card_problems
from orders.gateways import Answer, Outcome
from orders.models import Payment, Payout
from orders.services.refunds import payouts
from tenants.scope import tenant_scope
from tests.support.admin_browser import open_browser
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT, install_gateway
from tests.support.refunds import create_refund
from tests.support.till import Till, card, cash, line

pytestmark = pytest.mark.once
TITLE = "Cards to check"


@pytest.fixture
def gateway(monkeypatch):
    return install_gateway(monkeypatch)


@pytest.fixture
def till(cashier, register):
    return Till(cashier, register)


@pytest.fixture
def load_page(manager):
    """Return a function that loads the dashboard ten minutes from now."""

    def load():
        with time_machine.travel(timezone.now() + timedelta(minutes=10)):
            return open_browser(manager).get("/admin/").content.decode()

    return load


def test_panel_is_left_out_without_problems(till, product, manager_client, gateway, load_page):
    gateway.returns = [DECLINED]
    order = till.sold(line(product), payments=[card("2.50")])
    create_refund(manager_client, order)

    assert TITLE not in load_page()


def test_unknown_payment_is_shown_until_it_is_resolved(till, product, gateway, load_page, manager):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product), payments=[card("2.50")])
    payment = order["payments"][0]["id"]

    page = load_page()

    assert "Payments without outcome" in page
    assert f'<a href="/admin/orders/payment/{payment}/change/">{order["number"]}</a>' in page
    browser, listed = open_browser(manager), "/admin/orders/payment/?status__exact=unknown"
    assert f'<a href="{listed}">Open the list</a>' in page
    browser.post(listed, {"action": "resolve", "_selected_action": [payment]})
    assert till.shown(order)["status"] == "completed"
    assert TITLE not in load_page()


def test_payment_that_waits_for_a_card_is_no_problem_yet(till, product, gateway, manager):
    gateway.answers = [TIMED_OUT]
    till.sold(line(product), payments=[card("2.50")])

    assert TITLE not in open_browser(manager).get("/admin/").content.decode()


def test_refund_with_a_declined_card_is_shown(till, product, manager_client, gateway, load_page):
    order = till.sold(line(product), payments=[card("1.50"), card("1.00")])
    gateway.returns = [DECLINED, CAPTURED]
    refund = create_refund(manager_client, order)

    page = load_page()

    assert "Refunds that are not complete" in page
    assert f"/admin/orders/refund/{refund['id']}/change/" in page


def test_failed_refund_is_shown_until_the_order_is_refunded_again(
    till, product, manager_client, manager, gateway, shop, load_page
):
    order = till.sold(line(product), payments=[card("1.50"), cash("1.00")])
    refund = create_refund(manager_client, order)
    gateway.returns = [Answer(Outcome.DECLINED, reference="gw-1")]
    with tenant_scope(shop):
        payout = Payout.objects.get(refund=refund["id"], method="card")
        payouts.look_up_payout(payout, by=manager)

    page = load_page()
    detail = open_browser(manager).get(f"/admin/orders/refund/{refund['id']}/change/")

    assert "Refunds that failed after they were completed" in page
    assert f"/admin/orders/refund/{refund['id']}/change/" in page
    assert detail.content.decode().count(">Tamper check<") == 2
    create_refund(manager_client, order, method="cash")
    assert TITLE not in load_page()


def test_late_capture_that_could_not_be_returned_is_shown_and_looked_up(
    till, product, shop, manager, gateway, load_page
):
    """Somebody has returned it at the provider meanwhile."""
    gateway.answers = [DECLINED]
    order = till.sold(line(product), payments=[card("2.50")])
    payment = order["payments"][0]["id"]
    with tenant_scope(shop):
        Payment.objects.update(late_capture="failed")

    page = load_page()

    assert "Charged although the payment was canceled or declined" in page
    listed = "/admin/orders/payment/?late_capture__exact=failed"
    assert f'<a href="{listed}">Open the list</a>' in page
    gateway.found = [DECLINED]
    form = {"action": "resolve", "_selected_action": [payment]}
    answer = open_browser(manager).post(listed, form, follow=True)
    assert "Declined. Returned" in answer.content.decode()
    assert TITLE not in load_page()


def test_more_problems_than_fit_are_counted(till, product, gateway, load_page, monkeypatch):
    monkeypatch.setattr(card_problems, "MAX_SHOWN", 1)
    for _ in range(3):
        gateway.answers = [TIMED_OUT]
        till.sold(line(product), payments=[card("2.50")])

    assert "2 more" in load_page()


def test_problems_of_other_shops_are_not_shown(foreign, load_page):
    with tenant_scope(foreign.tenant):
        assert Payment.objects.update(status="unknown")

    assert TITLE not in load_page()
