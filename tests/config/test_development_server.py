"""`make run` is two processes, which live and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.support.postgres import free_port
from tests.support.relay_process import ROOT, database_url

# Writes down what happens to it, until it is asked to end.
CHILD = """
import os, signal, sys, time
def note(what):
    with open(sys.argv[1], "a") as book:
        book.write(f"{what} {os.getpid()}\\n")
def end(*_):
    note("asked")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
note("began")
while True:
    time.sleep(0.05)
"""
DRIVER = """
import sys
from config.development_server import DevelopmentServer
child = sys.argv[1]
web, relay = ([sys.executable, "-c", child, book] for book in sys.argv[2:])
sys.exit(DevelopmentServer(web, relay).run())
"""
PATIENCE = 60


class Pair:
    def __init__(self, folder: Path) -> None:
        self.books = {"web": folder / "web", "relay": folder / "relay"}
        command = [sys.executable, "-c", DRIVER, CHILD, *map(str, self.books.values())]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.wait_for("web", "began")
        self.wait_for("relay", "began")

    def notes(self, name: str) -> list[list[str]]:
        book = self.books[name]
        return [line.split() for line in book.read_text().splitlines()] if book.exists() else []

    def said(self, name: str) -> list[str]:
        return [what for what, _ in self.notes(name)]

    def kill(self, name: str) -> None:
        os.kill(int(self.notes(name)[-1][1]), signal.SIGKILL)

    def wait_for(self, name: str, *said: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.said(name) != list(said):
            assert time.monotonic() < deadline, self.notes(name)
            time.sleep(0.05)

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, errors


@pytest.fixture
def pair(tmp_path):
    started = Pair(tmp_path)
    yield started
    started.process.terminate()
    started.process.wait(PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_both_are_asked_to_end_once_and_waited_for(pair, number):
    pair.process.send_signal(number)

    assert pair.end() == (0, "")
    assert (pair.said("web"), pair.said("relay")) == (["began", "asked"], ["began", "asked"])


def test_a_relay_that_dies_is_started_again_and_one_is_told(pair):
    pair.kill("relay")
    pair.wait_for("relay", "began", "began")
    pair.process.terminate()

    assert pair.end() == (0, "The relay exited with -9. Restarting it.\n")
    assert pair.said("web") == ["began", "asked"]


def test_without_the_web_server_the_relay_ends_too(pair):
    pair.kill("web")

    code, errors = pair.end()

    assert code != 0
    assert errors == "The web server exited with -9. Stopping the relay.\n"
    assert pair.said("relay") == ["began", "asked"]
    assert not is_running(int(pair.notes("relay")[-1][1]))


if sys.platform == "linux":  # no other system tells a process that its parent was killed

    def test_killed_itself_it_leaves_nothing_running(pair):
        pair.process.kill()

        pair.wait_for("web", "began", "asked")
        pair.wait_for("relay", "began", "asked")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def taken():
    """A port at which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def together(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "config.development_server", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "BIND"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("arguments", [[], ["--check"]])
@pytest.mark.parametrize("bind", ["127.0.0.1:{}", "0.0.0.0:{}", "localhost:{}"])
def test_a_port_in_use_is_named_before_anything_starts(arguments, bind, taken):
    ran = together(*arguments, BIND=bind.format(taken))

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith(f"Till cannot listen on {bind.format(taken)}: Address already in")
    assert ran.stderr.endswith("make run PORT=8001.\n")
    assert ran.stderr.count("\n") == 1


def test_the_port_of_the_environment_is_the_one_that_is_tried(taken):
    assert together("--check", PORT=str(taken)).returncode == 1
    assert together("--check", PORT=str(free_port())).returncode == 0
    assert "Till cannot listen" in together("--check", PORT="99999").stderr


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_the_real_ones_serve_tell_and_stop(tmp_path):
    port, log = free_port(), tmp_path / "log"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "PORT": str(port),
        "WEB_CONCURRENCY": "1",
    }
    with log.open("wb") as output:
        both = subprocess.Popen(
            [sys.executable, "-m", "config.development_server"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        until_it_answers(f"http://127.0.0.1:{port}/health/live/", log)
        until_it_says("relay_started", log)
    finally:
        both.terminate()
    assert both.wait(PATIENCE) == 0, log.read_text()
    assert "relay_stopped" in log.read_text()


def until_it_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own)
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def until_it_says(word: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while word not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
