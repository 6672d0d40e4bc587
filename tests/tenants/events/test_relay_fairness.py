"""Whoever answers late, and always, keeps nobody of another shop waiting."""

from threading import Event

import pytest

from tenants.events.delivery import RemoteSubscriber
from tenants.events.outbox import publish
from tenants.scope import tenant_scope
from tests.support.relay import TOPIC, deliveries, run_relay

RECIPIENTS, EVENTS = 4, 5


class Callers(RemoteSubscriber):
    """Calls four servers of each shop; those of one shop answer when another shop was told."""

    name = "caller"
    topics = frozenset({TOPIC})
    in_order = False

    def __init__(self, late_shop):
        self.late_shop = late_shop
        self.other_was_told = Event()
        self.answered_in_time = []

    def recipients(self, events):
        for event in events:
            for number in range(RECIPIENTS):
                yield event, f"{self.name}/{event.tenant_id}-{number}"

    def prepare(self, delivery):
        return self.answer_late if delivery.tenant_id == self.late_shop.pk else self.answer

    def answer_late(self):
        self.answered_in_time.append(self.other_was_told.wait(5))
        return {}

    def answer(self):
        self.other_was_told.set()
        return {}


@pytest.mark.django_db(transaction=True)
def test_attack_174_servers_of_one_shop_that_answer_late_keep_no_other_shop_waiting(
    shop, other_shop, monkeypatch
):
    monkeypatch.setattr("tenants.events.delivery.pool.MAX_CONCURRENT", 10)
    for of, count in ((shop, EVENTS), (other_shop, 1)):
        with tenant_scope(of):
            for _ in range(count):
                publish(TOPIC)
    callers = Callers(shop)

    run_relay(callers)

    assert callers.answered_in_time == [True] * RECIPIENTS * EVENTS
    assert {delivery.status for delivery in deliveries()} == {"delivered"}
