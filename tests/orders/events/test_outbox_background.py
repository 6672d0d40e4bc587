"""Events of offline sales and of background reconciliation."""

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

RECONCILIATION_DELAY = timedelta(minutes=3)
# Facts that only offline sales have.
OFFLINE_FACTS = {"device_sequence", "sold_at", "adjustment", "flags"}


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def events_by_topic(topics):
    """Return topic, subject type, store and fact names of the events of `topics`."""
    with across_tenants():
        events = OutboxEvent.objects.filter(topic__in=topics).order_by("pk")
        return [
            (
                event.topic,
                event.subject_type,
                event.store,
                sorted(event.data.keys() - OFFLINE_FACTS),
            )
            for event in events
        ]


def test_offline_sale_announces_the_same_events_as_an_online_sale(
    till, make_product, stockroom, store
):
    """Two payments and two products, one of which reaches its reorder point."""
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
    events = events_by_topic(online)
    assert len(events) == 8
    assert sorted(events[:4]) == sorted(events[4:])
    assert {in_store for _, _, in_store, _ in events} == {store.pk}


def test_opening_a_shift_announces_orders_that_waited_for_it(till, product):
    waiting = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=1))
    )

    with assert_changes_announced() as topics:
        open_shift(till)

    assert topics == {"shift.opened", "order.updated"}
    assert till.shown(waiting)["version"] == waiting["version"] + 1


def test_sale_already_counted_announces_the_stock_level(till, stockroom, make_product, shop):
    """A client that subtracts each sale from its copy of the level would subtract it twice."""
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


@pytest.mark.parametrize("outcome", ["captured", "declined", "nothing"])
def test_reconciled_payments_and_payouts_are_announced(
    outcome, till, manager_client, make_product, gateway, clock
):
    answers = {"captured": [], "declined": [DECLINED], "nothing": [TIMED_OUT]}[outcome]
    sold = till.sold(line(make_product("2.50")), payments=[card("2.50")])
    gateway.answers = [TIMED_OUT]
    till.sold(line(make_product("2.50")), payments=[card("2.50")])
    gateway.returns = [TIMED_OUT]
    create_refund(manager_client, sold)
    clock.shift(RECONCILIATION_DELAY)
    gateway.found, gateway.returns = [*answers], [*answers]

    with assert_changes_announced() as of_payment:
        PaymentReconciliation().step()
    with assert_changes_announced() as of_payout:
        PayoutReconciliation().step()

    assert (of_payment, of_payout) == {
        "captured": ({"payment.captured", "order.completed"}, {"refund.completed"}),
        "declined": ({"payment.declined", "order.updated"}, {"refund.failed", "order.updated"}),
        "nothing": ({"payment.unknown", "order.updated"}, set()),
    }[outcome]


def test_partly_answered_refund_announces_pending_and_updated(
    till, manager_client, make_product, gateway
):
    sold = till.sold(line(make_product("5.00")), payments=[card("2.50"), card("2.50")])
    gateway.returns = [CAPTURED, TIMED_OUT]

    with assert_changes_announced() as topics:
        pending = create_refund(manager_client, sold)

    assert topics == {"order.refunded", "refund.pending", "refund.updated"}
    assert {each["status"] for each in pending["payouts"]} == {"done", "unknown"}
