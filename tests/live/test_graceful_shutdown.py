"""SIGTERM while many tills sell: what was answered is done, what was not is asked again."""

import signal
import time

import pytest

from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import WorkerPool
from tests.support.live.server import TOGETHER, run_server

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

REQUESTS = 120
# More than the 30 seconds that a request may take to end, of which ours need none.
LONGEST = 40.0


def test_server_and_relay_finish_what_they_do_and_the_next_server_does_the_rest(
    cashier_workers, server, shop, tmp_path
):
    with run_server(tmp_path, TOGETHER, WEB_CONCURRENCY="2") as first:
        people = cashier_workers(first)
        with WorkerPool(people, REQUESTS) as pool:
            assert pool.goes_on(REQUESTS // 3)

            began = time.monotonic()
            first.popen.send_signal(signal.SIGTERM)
            for clerk in people:
                for person in (clerk.till, clerk.manager_client):
                    person.client.server = server
            code = first.stop()
            seconds = time.monotonic() - began
            told = pool.end()

        assert code == 0
        assert seconds < LONGEST
        assert len(first.said("relay_stopped")) == 1
    ensure_every_key_has_its_result(told, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(told, shop)
