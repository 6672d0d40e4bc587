"""Every shell block of the documentation is parsed, and those of the API are run.

`sh` blocks of one page are run in order, against a server with a fresh demo shop, in one shell that
starts with the definitions of docs/guide/README.md. A block that expects an error names its code:
```sh error=approval_required. `console` blocks are commands for an operator; they are only parsed.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from tests.docs.pages import PAGES, Block, blocks, name
from tests.support.discovery import ROOT
from tests.support.live.server import TILL, Server, run_server

DOCUMENTED_SERVER = "http://127.0.0.1:8000"
# Names under .example do not resolve; nothing is sent to either, because no relay runs.
WEBHOOK_RECEIVER, LOCAL_RECEIVER = "https://hook.example/", "http://127.0.0.1:9/"
VOCABULARY = ROOT / "docs/guide/README.md"
# These define their own variables, so that a reader can start with them.
SELF_CONTAINED = {"README.md", name(VOCABULARY)}
SHELL = [block for page in PAGES for block in blocks(page) if block.language in {"sh", "console"}]
# `make test` runs these pages, `make endure` all.
SAMPLE = {"README.md", "docs/guide/selling.md"}
PAGES_TO_RUN = [
    pytest.param(page, id=name(page), marks=[] if name(page) in SAMPLE else pytest.mark.slow)
    for page in PAGES
    if any(each.language == "sh" for each in blocks(page))
]


@pytest.mark.once
@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_shell_block_is_valid_bash(block):
    parsed = subprocess.run(
        ["bash", "-n"], input=block.script, text=True, capture_output=True, check=False
    )

    assert parsed.returncode == 0, parsed.stderr


@pytest.mark.once
@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_blocks_are_sh_or_console(page):
    languages = {block.language for block in blocks(page)}

    assert languages.isdisjoint({"bash", "shell", "zsh", "shell-session"})


@pytest.mark.once
@pytest.mark.parametrize(
    "block", [each for each in SHELL if each.language == "sh"], ids=lambda block: block.place
)
def test_commands_of_a_block_fail_on_errors(block):
    """Only a block that expects an error may omit `--fail-with-body`."""
    calls = block.script.count("curl ")

    assert "error" in block.options or calls == block.script.count("curl -sS --fail-with-body ")


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve the database of the tests, with one process and the real configuration."""
    environment = {
        "WEB_CONCURRENCY": "1",
        "LOG_LEVEL": "WARNING",
        "WEBHOOKS_TO_PRIVATE_ADDRESSES": "on",
    }
    with run_server(tmp_path_factory.mktemp("server"), TILL, **environment) as server:
        yield server


@pytest.fixture
def demo_shop(transactional_db: None) -> None:
    ensure_demo_shop(CORNER)


@pytest.mark.once
@pytest.mark.live
@pytest.mark.parametrize("page", PAGES_TO_RUN)
@pytest.mark.usefixtures("demo_shop")
@pytest.mark.slow
def test_shell_blocks_of_a_page_run(page, server, tmp_path):
    definitions = [] if name(page) in SELF_CONTAINED else list(blocks(VOCABULARY))
    steps = [each for each in (*definitions, *blocks(page)) if each.language == "sh"]
    ran = run(steps, f"http://127.0.0.1:{server.port}", tmp_path)

    outputs = sorted(tmp_path.glob("*.out"), key=lambda path: int(path.stem))
    assert ran.returncode == 0, f"{ran.stderr}\n{outputs[-1].read_text('utf-8')[-1000:]}"
    for step, output in zip(steps, outputs, strict=True):
        assert_expected_error(step, output.read_text("utf-8"))


def run(steps: list[Block], url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the blocks in one shell; the output of block N goes to `N.out`."""
    script = "set -euo pipefail\n" + "".join(
        f"echo 'Running {step.place}' >&2\nexec > '{folder}/{number}.out'\n{step.script}\n"
        for number, step in enumerate(steps)
    )
    return subprocess.run(
        ["bash"],
        input=script.replace(DOCUMENTED_SERVER, url).replace(WEBHOOK_RECEIVER, LOCAL_RECEIVER),
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        timeout=60,
        check=False,
    )


def assert_expected_error(step: Block, output: str) -> None:
    """Assert that the last response of a block is the problem that the block names."""
    if "error" in step.options:
        assert json.loads(output.splitlines()[-1])["code"] == step.options["error"], step.place
