"""What comes later, or by itself, is announced like what somebody asks for at a till."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import StockLevel
from orders.services.reconciliation import PaymentReconciliation, PayoutReconciliation
from tenants.models import OutboxEvent
from tenants.scope import across_tenants, tenant_scope
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.offline import ago, build_offline_line, build_offline_sale, upload_one_booked
from tests.support.outbox_assertions import assert_changes_announced
from tests.support.refunds import create_refund
from tests.support.shifts import open_shift
from tests.support.till import card, cash, line

A_WHILE = timedelta(minutes=3)
# What only a till without a connection has to say of a sale.
OF_TILL = {"device_sequence", "sold_at", "adjustment", "flags"}


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def heard(of):
    """The events of these topics in short, by which sale they are: of what, where, which facts."""
    with across_tenants():
        events = OutboxEvent.objects.filter(topic__in=of).order_by("pk")
        return [
            (event.topic, event.subject_type, event.store, sorted(event.data.keys() - OF_TILL))
            for event in events
        ]


def test_a_sale_made_offline_announces_all_that_one_made_online_does(
    till, make_product, stockroom, store
):
    """Two payments, two kinds of goods, and one of them runs low."""
    apples, pears = make_product("1.00", stock="6"), make_product("1.00", stock="6")
    with tenant_scope(store.tenant):
        StockLevel.objects.filter(product=apples).update(reorder_point="5")
    with assert_changes_announced() as online:
        till.sold(line(apples), line(pears), payments=[cash("1.00"), cash("1.00")])
    stockroom.moved("receive", apples, "1")

    with assert_changes_announced() as offline:
        sold = [build_offline_line(apples, "1.00"), build_offline_line(pears, "1.00")]
        upload_one_booked(till, build_offline_sale(1, *sold, payments=[cash("1.00"), cash("1.00")]))

    assert offline == online == {"order.completed", "payment.captured", "stock.low"}
    told = heard(online)
    assert len(told) == 8
    assert sorted(told[:4]) == sorted(told[4:])
    assert {in_store for _, _, in_store, _ in told} == {store.pk}


def test_sales_that_waited_for_a_drawer_are_others_once_it_is_open(till, product):
    waiting = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=1))
    )

    with assert_changes_announced() as topics:
        open_shift(till)

    assert topics == {"shift.opened", "order.updated"}
    assert till.shown(waiting)["version"] == waiting["version"] + 1


def test_a_level_that_a_count_had_right_already_is_to_be_looked_at_again(
    till, stockroom, make_product, shop
):
    """Else whoever takes each sale off its copy of the level would take it off twice."""
    apples = make_product("2.50", stock=None)
    stockroom.moved("receive", apples, "1")
    item = build_offline_sale(1, build_offline_line(apples), sold_at=ago(seconds=0))
    stockroom.moved("count", apples, "0")

    with assert_changes_announced() as topics:
        upload_one_booked(till, item)

    assert topics == {"order.completed", "payment.captured", "stock_level.updated"}
    with tenant_scope(shop):
        *_, event = OutboxEvent.objects.filter(topic="stock_level.updated").order_by("pk")
        assert event.subject_version == StockLevel.objects.get(product=apples).version


@pytest.mark.parametrize("found", ["captured", "declined", "nothing"])
def test_money_that_the_relay_looks_up(found, till, manager_client, make_product, gateway, clock):
    answers = {"captured": [], "declined": [DECLINED], "nothing": [TIMED_OUT]}[found]
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    gateway.answers = [TIMED_OUT]
    till.sold(line(make_product("2.50")), payments=[card("2.50")])
    gateway.returns = [TIMED_OUT]
    create_refund(manager_client, sold)
    clock.shift(A_WHILE)
    gateway.found, gateway.returns = [*answers], [*answers]

    with assert_changes_announced() as of_payment:
        PaymentReconciliation().step()
    with assert_changes_announced() as of_payout:
        PayoutReconciliation().step()

    assert (of_payment, of_payout) == {
        "captured": ({"payment.captured", "order.completed"}, {"refund.completed"}),
        "declined": ({"payment.declined", "order.updated"}, {"refund.failed", "order.updated"}),
        "nothing": ({"payment.unknown", "order.updated"}, set()),
    }[found]


def test_a_refund_to_two_cards_of_which_one_has_answered(
    till, manager_client, make_product, gateway
):
    sold = till.sold(line(make_product("5.00")), payments=[card("2.50"), card("2.50")])
    gateway.returns = [CAPTURED, TIMED_OUT]

    with assert_changes_announced() as topics:
        pending = create_refund(manager_client, sold)

    assert topics == {"order.refunded", "refund.pending", "refund.updated"}
    assert {each["status"] for each in pending["payouts"]} == {"done", "unknown"}
