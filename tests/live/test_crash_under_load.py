"""Processes are killed while cashiers sell: every answered action is stored."""

import random
import sys
import time

import pytest

from config.server import GUNICORN, SERVERS
from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import REQUESTS, WorkerPool
from tests.support.live.server import GRANIAN_PRELOADED, run_server

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300 + REQUESTS // 2),
]


# How many answers there are from one kill to the next.
MIN_ANSWERS, MAX_ANSWERS = 2, 10


@pytest.fixture(params=SERVERS)
def target(request, tmp_path):
    """Return a server, and the function that kills one of its workers."""
    if request.param == GUNICORN:
        server = request.getfixturevalue("server")
        yield server, server.kill_worker
        return
    options = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "8"}
    with run_server(tmp_path, GRANIAN_PRELOADED, **options) as server:
        yield server, server.kill_older_worker


def test_every_answer_is_stored_although_processes_are_killed(
    cashier_workers, target, shop, capsys
):
    server, kill = target
    kills, chance = 0, random.Random(1)  # noqa: S311
    began = time.monotonic()

    with WorkerPool(cashier_workers(server)) as pool:
        while pool.wait_for_answers(chance.randint(MIN_ANSWERS, MAX_ANSWERS)):
            kills += kill()
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
    assert kills > REQUESTS / 50
    assert server.fast_answers["POST orders/"]
    ensure_every_key_has_its_result(results, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(results, shop)
