"""Slow receivers of one shop do not delay deliveries of another shop."""

from threading import Event

import pytest

from tenants.events.delivery import RemoteSubscriber
from tenants.events.outbox import publish
from tenants.scope import tenant_scope
from tests.support.relay import TOPIC, deliveries, run_relay

RECIPIENTS, EVENTS = 4, 5


class Callers(RemoteSubscriber):
    """Four recipients per shop; those of the late shop answer after the other shop's delivery."""

    name = "caller"
    topics = frozenset({TOPIC})
    in_order = False

    def __init__(self, slow_shop):
        self.late_shop = slow_shop
        self.other_delivered = Event()
        self.answered_in_time = []

    def recipients(self, events):
        for event in events:
            for number in range(RECIPIENTS):
                yield event, f"{self.name}/{event.tenant_id}-{number}"

    def prepare(self, delivery):
        return self.answer_slowly if delivery.tenant_id == self.late_shop.pk else self.answer

    def answer_slowly(self):
        self.answered_in_time.append(self.other_delivered.wait(5))
        return {}

    def answer(self):
        self.other_delivered.set()
        return {}


@pytest.mark.django_db(transaction=True)
def test_attack_174_slow_receivers_of_one_shop_do_not_delay_other_shops(
    shop, other_shop, monkeypatch
):
    monkeypatch.setattr("tenants.events.delivery.pool.MAX_CONCURRENT", 10)
    for tenant, count in ((shop, EVENTS), (other_shop, 1)):
        with tenant_scope(tenant):
            for _ in range(count):
                publish(TOPIC)
    callers = Callers(shop)

    run_relay(callers)

    assert callers.answered_in_time == [True] * RECIPIENTS * EVENTS
    assert {delivery.status for delivery in deliveries()} == {"delivered"}
