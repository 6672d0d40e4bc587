"""Clients that generators make from the OpenAPI document sell with it, unedited.

openapi-python-client makes a package that is type-checked and sells at a running server.
openapi-typescript makes types, with which the same requests are checked; it needs npm.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.architecture.test_schema import document
from tests.support.live.server import TILL, Server, run_server

CLIENTS = Path(__file__).parent / "clients"
# Without the formatter of the generated files; an image is bytes like any other, and so is a
# snapshot, whose lines the client reads itself.
GENERATOR = {
    "post_hooks": [],
    "content_type_overrides": {
        "image/png": "application/octet-stream",
        "image/webp": "application/octet-stream",
        "application/x-ndjson": "text/plain",
    },
}
MINUTES = 60

pytestmark = [pytest.mark.once, pytest.mark.slow, pytest.mark.timeout(10 * MINUTES)]


@pytest.fixture
def openapi(tmp_path):
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document()), "utf-8")
    return path


def run(folder, *command):
    """Run a command and return what it wrote; fail with that if it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=5 * MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


@pytest.fixture
def python_client(openapi, tmp_path):
    """Generate the package `till_client`, and return its folder with the program that uses it."""
    command = (
        sys.executable,
        *("-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"),
    )
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps(GENERATOR))
    run(
        tmp_path,
        *command,
        *("--config", str(settings), "--path", str(openapi)),
        *("--output-path", str(tmp_path / "till_client")),
    )
    shutil.copy(CLIENTS / "sell.py.txt", tmp_path / "sell.py")
    return tmp_path


@pytest.fixture
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING"}
    with run_server(tmp_path_factory.mktemp("server"), TILL, **environment) as server:
        yield server


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_generated_python_client_is_typed_and_sells(python_client, server):
    options = ("--strict", "--follow-imports", "silent", "--cache-dir", "mypy")
    run(python_client, sys.executable, "-m", "mypy", *options, "sell.py")
    run(python_client, sys.executable, "-m", "mypy", *options[1:], "till_client")
    ensure_demo_shop(CORNER)

    said = run(python_client, sys.executable, "sell.py", f"http://127.0.0.1:{server.port}")

    assert said == "sold, refunded and closed\n"


@pytest.mark.npm
def test_generated_typescript_types_fit_the_requests_of_a_terminal(openapi, tmp_path):
    for name in ("package.json", "package-lock.json", "tsconfig.json", "sell.ts"):
        shutil.copy(CLIENTS / name, tmp_path)
    run(tmp_path, "npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")

    run(tmp_path, "npx", "openapi-typescript", str(openapi), "--output", "till.d.ts")

    assert run(tmp_path, "npx", "tsc", "--project", ".") == ""
