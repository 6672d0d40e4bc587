"""Fixtures of tests of the browser register: a server with the demo shop, and a device."""

from collections.abc import Iterator

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.support.live import browser
from tests.support.live.server import TILL, Server, run_server
from tests.support.live.shop_api import ShopApi


@pytest.fixture(scope="package")
def register_server(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING"}
    with run_server(tmp_path_factory.mktemp("register"), TILL, **environment) as server:
        yield server


@pytest.fixture
def base(register_server: Server) -> str:
    """Return the address of a server with the demo shop."""
    ensure_demo_shop(CORNER)
    return f"http://127.0.0.1:{register_server.port}"


@pytest.fixture
def api(base: str) -> ShopApi:
    """Return requests of a manager that do not use the network of the device."""
    return ShopApi(base)


@pytest.fixture
def till(base: str) -> Iterator[browser.RegisterPage]:
    """Return the register, set up and with an open shift."""
    with browser.run_browser() as context:
        register = browser.RegisterPage(context.new_page(), base)
        register.set_up()
        yield register
        assert register.errors == []
