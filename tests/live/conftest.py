"""A server for all that only talk to it, and a shop that many sell in at once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from django.db import connection

from tests.orders.conftest import chief, goods, leave, till, tills  # noqa: F401
from tests.support import redis_server
from tests.support.live.http_client import over
from tests.support.live.load import Clerk
from tests.support.live.proxy import Proxy, between
from tests.support.live.server import Server, serving
from tests.support.relay_process import database_url
from tests.support.scripted_server import ScriptedServer, scripted
from tests.support.shifts import opened


@dataclass
class Fragile:
    server: Server
    database: Proxy
    redis: Proxy | None
    gateway: ScriptedServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Starting servers takes its time where others need the processors as well."""
    for item in items:
        if item.get_closest_marker("live") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers on the database of the tests, as long as they last."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, WEB_CONCURRENCY="2", WEB_THREADS="8") as server:
        yield server


@pytest.fixture(scope="session")
def fragile(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """A server that can be cut off from its database, its Redis and its payment gateway."""
    at = connection.settings_dict
    with ExitStack() as stack:
        database = stack.enter_context(between(at["HOST"] or "127.0.0.1", int(at["PORT"] or 5432)))
        gateway = stack.enter_context(scripted())
        environment = {
            "DATABASE_URL": database_url().replace(
                f"@{at['HOST']}:{at['PORT']}/", f"@127.0.0.1:{database.port}/"
            )
            # As short as PostgreSQL's library takes it.
            + "?connect_timeout=2",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": "8",
            "LIVE_GATEWAY": "tests.support.live.gateway.WireGateway",
            "LIVE_GATEWAY_PORT": str(gateway.server_port),
            "PAYMENT_GATEWAY_TIMEOUT": "1.5",
        }
        redis = None
        if redis_server.is_there():
            own = stack.enter_context(redis_server.started())
            redis = stack.enter_context(between("127.0.0.1", own.port))
            environment["REDIS_URL"] = f"redis://127.0.0.1:{redis.port}/0"
        folder = tmp_path_factory.mktemp("fragile")
        server = stack.enter_context(serving(folder, **environment))
        yield Fragile(server, database, redis, gateway)


@pytest.fixture
def clerks(shop, tills, chief, goods) -> Callable[[Server], list[Clerk]]:  # noqa: F811
    """`clerks(server)`: four tills with a drawer each, six products, and one manager."""

    def gather(server: Server) -> list[Clerk]:
        shop.shifts_required = True
        shop.save_changes("shifts_required")
        products = [goods("2.50", stock="100000") for _ in range(6)]
        for person in (*tills, chief):
            over(server, person, patient=True)
        for each in tills:
            opened(each)
        return [Clerk(each, chief, products, seed) for seed, each in enumerate(tills)]

    return gather
