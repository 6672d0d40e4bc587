"""Behind PgBouncer, which is restarted and loses its connections to the database meanwhile.

Only where PgBouncer is installed: see tests/live/conftest.py.
"""

import random
import signal
from contextlib import ExitStack
from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.support.live.invariants import ensure_invariants
from tests.support.live.ledger import ensure_answers_are_stored, ensure_every_key_has_its_result
from tests.support.live.load import REQUESTS, WorkerPool
from tests.support.live.pgbouncer import PREPARED_STATEMENTS, find_version, run_pgbouncer
from tests.support.live.proxy import run_proxy
from tests.support.live.server import run_server
from tests.support.relay_process import database_url

pytestmark = [
    pytest.mark.live,
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300 + REQUESTS // 2),
]

# Mode of the pool, its further settings, and those of Till: see docs/operations/postgresql.md.
SETUPS = {
    "session": ("session", {}, {}),
    "transaction": ("transaction", {}, {"FAST_PATHS": "off"}),
}
if (find_version() or (0, 0)) >= PREPARED_STATEMENTS:
    SETUPS["prepared"] = ("transaction", {"max_prepared_statements": "200"}, {})


@pytest.fixture(params=SETUPS)
def target(request, tmp_path):
    """Return a server behind PgBouncer, and functions that disturb what is below it."""
    mode, of_pgbouncer, of_till = SETUPS[request.param]
    parts = urlsplit(database_url())
    with ExitStack() as stack:
        database = stack.enter_context(run_proxy(parts.hostname, parts.port))
        login, _, _ = parts.netloc.rpartition("@")
        url = parts._replace(netloc=f"{login}@127.0.0.1:{database.port}").geturl()
        pgbouncer = stack.enter_context(run_pgbouncer(tmp_path, url, mode, **of_pgbouncer))
        options = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "8", "DATABASE_URL": pgbouncer.url}
        # SIGINT waits until connections are free, and those of sessions stay in use.
        orderly = signal.SIGINT if mode == "transaction" else signal.SIGQUIT
        server = stack.enter_context(run_server(tmp_path, **options | of_till))
        yield (
            server,
            [
                database.cut,
                partial(pgbouncer.restart, signal.SIGKILL),
                partial(pgbouncer.restart, orderly),
                server.kill_worker,
            ],
        )


def test_every_answer_is_stored_although_pgbouncer_loses_connections(cashier_workers, target, shop):
    server, disturbances = target
    disturbed, chance = 0, random.Random(1)  # noqa: S311

    with WorkerPool(cashier_workers(server)) as pool:
        while pool.wait_for_answers(chance.randint(10, 30)):
            disturbances[disturbed % len(disturbances)]()
            disturbed += 1
        results = pool.end()

    assert len(results) >= REQUESTS
    assert disturbed >= len(disturbances)
    assert any(each.answer.tries > 1 for each in results)
    ensure_every_key_has_its_result(results, shop)
    ensure_invariants(shop)
    ensure_answers_are_stored(results, shop)
