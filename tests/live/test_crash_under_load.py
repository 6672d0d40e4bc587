"""Processes are killed while cashiers sell: every answered action is stored."""

import random
import sys
import time

import pytest

from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import REQUESTS, WorkerPool

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300 + REQUESTS // 2),
]


def test_every_answer_is_stored_although_processes_are_killed(
    cashier_workers, server, shop, capsys
):
    kills, chance = 0, random.Random(1)  # noqa: S311
    began = time.monotonic()

    with WorkerPool(cashier_workers(server)) as pool:
        while pool.wait_for_answers(chance.randint(8, 40)):
            kills += server.kill_worker()
        results = pool.end()

    seconds = time.monotonic() - began
    repeated = sum(each.answer.tries > 1 for each in results)
    with capsys.disabled():
        sys.stdout.write(
            f" [{len(results)} requests, {repeated} of them sent again, {kills} workers killed, "
            f"{seconds:.0f} s] "
        )
    assert len(results) >= REQUESTS
    assert min(repeated, kills) > REQUESTS / 50
    ensure_every_key_has_its_result(results, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(results, shop)
