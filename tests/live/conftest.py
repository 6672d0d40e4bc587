"""Fixtures for live tests: running servers, and a shop with several cashiers."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from django.db import connection

from tests.orders.conftest import (  # noqa: F401
    get_approval,
    make_product,
    managers_till,
    till,
    tills,
)
from tests.support import redis_server
from tests.support.live.http_client import connect_to_server
from tests.support.live.load import CashierWorker
from tests.support.live.pgbouncer import find_version
from tests.support.live.proxy import Proxy, run_proxy
from tests.support.live.server import Server, run_server
from tests.support.relay_process import database_url
from tests.support.scripted_server import ScriptedServer, run_scripted_server
from tests.support.shifts import open_shift

# Where PgBouncer is not installed, there is nothing to test.
collect_ignore = [] if find_version() else ["test_pgbouncer.py"]
# Without a cluster, there is nothing to test either.
if not os.environ.get("CLUSTER_URL"):
    collect_ignore.append("test_cluster.py")
MakeWorkers = Callable[[Server], list[CashierWorker]]


@dataclass
class ProxiedServer:
    server: Server
    database: Proxy
    redis: Proxy | None
    gateway: ScriptedServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Raise the time-out of live tests, because servers start slowly on a busy machine."""
    for item in items:
        if item.get_closest_marker("live") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server with two workers on the test database for the whole session."""
    folder = tmp_path_factory.mktemp("server")
    with run_server(folder, WEB_CONCURRENCY="2", WEB_THREADS="8") as server:
        yield server


@pytest.fixture(scope="session")
def proxied_server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProxiedServer]:
    """Run a server behind proxies that can cut off its database, Redis and payment gateway."""
    at = connection.settings_dict
    with ExitStack() as stack:
        database = stack.enter_context(
            run_proxy(at["HOST"] or "127.0.0.1", int(at["PORT"] or 5432))
        )
        gateway = stack.enter_context(run_scripted_server())
        environment = {
            "DATABASE_URL": database_url().replace(
                f"@{at['HOST']}:{at['PORT']}/", f"@127.0.0.1:{database.port}/"
            )
            # The shortest time-out that libpq supports.
            + "?connect_timeout=2",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": "8",
            "LIVE_GATEWAY": "tests.support.live.gateway.WireGateway",
            "LIVE_GATEWAY_PORT": str(gateway.server_port),
            "PAYMENT_GATEWAY_TIMEOUT": "1.5",
        }
        redis = None
        if redis_server.is_available():
            own = stack.enter_context(redis_server.started())
            redis = stack.enter_context(run_proxy("127.0.0.1", own.port))
            environment["REDIS_URL"] = f"redis://127.0.0.1:{redis.port}/0"
        folder = tmp_path_factory.mktemp("fragile")
        server = stack.enter_context(run_server(folder, **environment))
        yield ProxiedServer(server, database, redis, gateway)


@pytest.fixture
def cashier_workers(shop, tills, manager_client, make_product) -> MakeWorkers:  # noqa: F811
    """`cashier_workers(server)`: four cashiers with open shifts, and six products."""

    def create(server: Server) -> list[CashierWorker]:
        shop.shifts_required = True
        shop.save_changes("shifts_required")
        products = [make_product("2.50", stock="100000") for _ in range(6)]
        for person in (*tills, manager_client):
            connect_to_server(server, person, patient=True)
        for each in tills:
            open_shift(each)
        return [
            CashierWorker(each, manager_client, products, seed) for seed, each in enumerate(tills)
        ]

    return create
