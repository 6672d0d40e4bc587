"""Workers are killed while many tills sell: whoever was told of a deed finds it in the books."""

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


def test_whoever_was_told_of_a_deed_finds_it_in_the_books(cashier_workers, server, shop, capsys):
    kills, chance = 0, random.Random(1)  # noqa: S311
    began = time.monotonic()

    with WorkerPool(cashier_workers(server)) as pool:
        while pool.goes_on(chance.randint(8, 40)):
            kills += server.kill_a_worker()
        told = pool.end()

    seconds = time.monotonic() - began
    again = sum(each.answer.tries > 1 for each in told)
    with capsys.disabled():
        sys.stdout.write(
            f" [{len(told)} requests, {again} of them sent again, {kills} workers killed, "
            f"{seconds:.0f} s] "
        )
    assert len(told) >= REQUESTS
    assert min(again, kills) > REQUESTS / 50
    ensure_every_key_has_its_result(told, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(told, shop)
