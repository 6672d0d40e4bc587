"""Processes are killed while cashiers sell: every answered action is stored."""

import random
import sys
import time

import pytest

from config.server import GUNICORN, SERVERS
from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import REQUESTS, WorkerPool
from tests.support.live.server import TILL, run_server

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300 + REQUESTS // 2),
]


# A worker of granian may not be killed again sooner: see test_web_servers.
GRANIAN_RECOVERY_SECONDS = 7.0


@pytest.fixture(params=SERVERS)
def target(request, tmp_path):
    """Return a server, and the seconds between two of its crashes."""
    if request.param == GUNICORN:
        yield request.getfixturevalue("server"), 0.0
        return
    options = {"SERVER": request.param, "WEB_CONCURRENCY": "2", "WEB_THREADS": "8"}
    with run_server(tmp_path, TILL, **options) as server:
        yield server, GRANIAN_RECOVERY_SECONDS


def test_every_answer_is_stored_although_processes_are_killed(
    cashier_workers, target, shop, capsys
):
    server, recovery = target
    kills, chance = 0, random.Random(1)  # noqa: S311
    # The load may be shorter than the time that the first workers have to run.
    time.sleep(recovery)
    began = time.monotonic()
    killed = began - recovery

    with WorkerPool(cashier_workers(server)) as pool:
        while pool.wait_for_answers(chance.randint(8, 40)):
            if time.monotonic() - killed >= recovery and server.kill_worker():
                kills, killed = kills + 1, time.monotonic()
        results = pool.end()

    seconds = time.monotonic() - began
    repeated = sum(each.answer.tries > 1 for each in results)
    with capsys.disabled():
        sys.stdout.write(
            f" [{len(results)} requests, {repeated} of them sent again, {kills} workers killed, "
            f"{seconds:.0f} s] "
        )
    assert len(results) >= REQUESTS
    assert repeated
    assert kills > (0 if recovery else REQUESTS / 50)
    ensure_every_key_has_its_result(results, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(results, shop)
