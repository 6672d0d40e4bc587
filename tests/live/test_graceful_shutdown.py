"""SIGTERM during sales: running requests finish, and the others are repeated elsewhere."""

import signal
import time

import pytest

from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import WorkerPool
from tests.support.live.server import DEVELOPMENT_SERVER, run_server

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

REQUESTS = 120
# More than the graceful time-out of 30 seconds, which these requests do not need.
MAX_SECONDS = 40.0


def test_server_and_relay_finish_running_work_after_sigterm(
    cashier_workers, server, shop, tmp_path
):
    with run_server(tmp_path, DEVELOPMENT_SERVER, WEB_CONCURRENCY="2") as first:
        workers = cashier_workers(first)
        with WorkerPool(workers, REQUESTS) as pool:
            assert pool.wait_for_answers(REQUESTS // 3)

            began = time.monotonic()
            first.popen.send_signal(signal.SIGTERM)
            for worker in workers:
                for person in (worker.till, worker.manager_client):
                    person.client.server = server
            code = first.stop()
            seconds = time.monotonic() - began
            results = pool.end()

        assert code == 0
        assert seconds < MAX_SECONDS
        assert len(first.log_events("relay_stopped")) == 1
    ensure_every_key_has_its_result(results, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(results, shop)
