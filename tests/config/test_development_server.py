"""`make run` starts the web server and the relay and stops them together."""

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

# Logs its start and its SIGTERM.
CHILD = """
import os, signal, sys, time
def note(what):
    with open(sys.argv[1], "a") as log:
        log.write(f"{what} {os.getpid()}\\n")
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
web, relay = ([sys.executable, "-c", child, log] for log in sys.argv[2:])
sys.exit(DevelopmentServer(web, relay).run())
"""
TIMEOUT = 60


class Pair:
    def __init__(self, folder: Path) -> None:
        self.logs = {"web": folder / "web", "relay": folder / "relay"}
        command = [sys.executable, "-c", DRIVER, CHILD, *map(str, self.logs.values())]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.wait_for("web", "began")
        self.wait_for("relay", "began")

    def read_log(self, name: str) -> list[list[str]]:
        log = self.logs[name]
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def events(self, name: str) -> list[str]:
        return [what for what, _ in self.read_log(name)]

    def kill(self, name: str) -> None:
        os.kill(int(self.read_log(name)[-1][1]), signal.SIGKILL)

    def wait_for(self, name: str, *events: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while self.events(name) != list(events):
            assert time.monotonic() < deadline, self.read_log(name)
            time.sleep(0.05)

    def end(self) -> tuple[int, str]:
        _, errors = self.process.communicate(timeout=TIMEOUT)
        return self.process.returncode, errors


@pytest.fixture
def pair(tmp_path):
    started = Pair(tmp_path)
    yield started
    started.process.terminate()
    started.process.wait(TIMEOUT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_both_processes_once(pair, number):
    pair.process.send_signal(number)

    assert pair.end() == (0, "")
    assert (pair.events("web"), pair.events("relay")) == (["began", "asked"], ["began", "asked"])


def test_relay_that_dies_is_restarted_with_a_message(pair):
    pair.kill("relay")
    pair.wait_for("relay", "began", "began")
    pair.process.terminate()

    assert pair.end() == (0, "The relay exited with -9. Restarting it.\n")
    assert pair.events("web") == ["began", "asked"]


def test_relay_stops_when_the_web_server_dies(pair):
    pair.kill("web")

    code, errors = pair.end()

    assert code != 0
    assert errors == "The web server exited with -9. Stopping the relay.\n"
    assert pair.events("relay") == ["began", "asked"]
    assert not is_running(int(pair.read_log("relay")[-1][1]))


if sys.platform == "linux":  # only Linux notifies a process of the death of its parent

    def test_killed_server_leaves_no_processes(pair):
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
def used_port():
    """Listen on a port and return its number."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def run_development_server(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "config.development_server", *arguments],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "BIND"} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@pytest.mark.parametrize("arguments", [[], ["--check"]])
@pytest.mark.parametrize("bind", ["127.0.0.1:{}", "0.0.0.0:{}", "localhost:{}"])
def test_port_in_use_is_reported_before_the_start(arguments, bind, used_port):
    ran = run_development_server(*arguments, BIND=bind.format(used_port))

    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith(
        f"Till cannot listen on {bind.format(used_port)}: Address already in"
    )
    assert ran.stderr.endswith("make run PORT=8001.\n")
    assert ran.stderr.count("\n") == 1


def test_port_of_the_environment_is_checked(used_port):
    assert run_development_server("--check", PORT=str(used_port)).returncode == 1
    assert run_development_server("--check", PORT=str(free_port())).returncode == 0
    assert "Till cannot listen" in run_development_server("--check", PORT="99999").stderr


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_real_web_server_and_relay_start_and_stop(tmp_path):
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
        wait_until_it_answers(f"http://127.0.0.1:{port}/health/live/", log)
        wait_for_log("relay_started", log)
    finally:
        both.terminate()
    assert both.wait(TIMEOUT) == 0, log.read_text()
    assert "relay_stopped" in log.read_text()


def wait_until_it_answers(url: str, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own)
                assert answer.status == 200
                return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def wait_for_log(word: str, log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT
    while word not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
