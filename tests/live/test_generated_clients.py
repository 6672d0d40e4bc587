"""Clients that generators make from the OpenAPI document sell with it, unedited.

The commands and the settings of the generators are those of docs/guide/terminal.md. Both clients
are type-checked, and then sell, refund and close a shift at a running server. openapi-typescript
needs npm.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.docs.pages import blocks
from tests.docs.test_shell_blocks import DOCUMENTED_SERVER
from tests.support.discovery import ROOT
from tests.support.live.server import TILL, Server, run_server

CLIENTS = Path(__file__).parent / "clients"
GUIDE = list(blocks(ROOT / "docs/guide/terminal.md"))
MINUTES = 60

pytestmark = [
    pytest.mark.once,
    pytest.mark.slow,
    pytest.mark.live,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(10 * MINUTES),
]


@pytest.fixture
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {"WEB_CONCURRENCY": "1", "LOG_LEVEL": "WARNING", "API_DOCS": "public"}
    with run_server(tmp_path_factory.mktemp("server"), TILL, **environment) as server:
        yield server


def run(folder, *command):
    """Run a command and return what it wrote; fail with that if it fails."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": programs},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=5 * MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


def read_command(program, server):
    """Return the command of the guide that runs this program, with the address of the server."""
    scripts = "".join(each.script for each in GUIDE if each.language == "console")
    (found,) = (line for line in scripts.splitlines() if line.startswith(f"{program} "))
    assert DOCUMENTED_SERVER in found
    return shlex.split(found.replace(DOCUMENTED_SERVER, server_address(server)))


def server_address(server):
    return f"http://127.0.0.1:{server.port}"


def test_generated_python_client_is_typed_and_sells(tmp_path, server):
    (settings,) = (each.text for each in GUIDE if each.language == "yaml")
    (tmp_path / "till-client.yml").write_text(settings)
    command = read_command("openapi-python-client", server)
    run(tmp_path, *command, "--fail-on-warning")
    shutil.copy(CLIENTS / "sell.py.txt", tmp_path / "sell.py")
    options = ("--strict", "--follow-imports", "silent", "--cache-dir", "mypy")
    run(tmp_path, sys.executable, "-m", "mypy", *options, "sell.py")
    run(tmp_path, sys.executable, "-m", "mypy", *options[1:], "till_client")
    ensure_demo_shop(CORNER)

    said = run(tmp_path, sys.executable, "sell.py", server_address(server))

    assert said == "sold, refunded and closed\n"


@pytest.mark.npm
def test_generated_typescript_client_is_typed_and_sells(tmp_path, server):
    for name in ("package.json", "package-lock.json", "tsconfig.json", "sell.ts"):
        shutil.copy(CLIENTS / name, tmp_path)
    run(tmp_path, "npm", "ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund")
    run(tmp_path, *read_command("npx openapi-typescript", server))
    assert run(tmp_path, "npx", "tsc", "--project", ".") == ""
    ensure_demo_shop(CORNER)

    said = run(tmp_path, "node", "sell.js", server_address(server))

    assert said == "sold, refunded and closed\n"
