"""Real server processes on the test database, which tests kill and stop."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Lock
from typing import Any

from tests.support.postgres import free_port
from tests.support.relay_process import ROOT, database_url
from tests.tools.bench.processes import below, read

TIMEOUT = 120.0
# Runs gunicorn, or the server that SERVER names.
TILL = ("-m", "config.server")
# The same, with an application that names the answers before Django.
WEB = ("-m", "tests.support.live.web")
# gunicorn with failpoints, and this application.
WITH_FAILPOINTS = ("-m", "gunicorn", "--config", "tests/support/live/gunicorn.py")
# granian with workers that start quickly.
GRANIAN_PRELOADED = ("-m", "tests.support.live.granian")
DEVELOPMENT_SERVER = ("-m", "config.development_server")


class Program:
    """A process of Till with its log."""

    def __init__(self, log: Path, command: Sequence[str], **environment: str) -> None:
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=os.environ
                | {
                    "DJANGO_SETTINGS_MODULE": "tests.support.live.settings",
                    "DATABASE_URL": database_url(),
                }
                | environment,
                stdout=output,
                stderr=output,
            )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise

    def log_events(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines with this event."""
        found = (line for line in self.log.read_text().splitlines() if f'"{event}"' in line)
        return [json.loads(line) for line in found if line.startswith("{")]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not holds():
            assert self.popen.poll() is None, self.log.read_text()[-5000:]
            assert time.monotonic() < deadline, self.log.read_text()[-5000:]
            time.sleep(0.02)

    def ensure_no_server_errors(self) -> None:
        """Assert that the log contains no 5xx except 503."""
        wrong = [line for line in self.log_events("request") if line["status"] >= 500]
        found = [line for line in wrong if line["status"] != 503]
        assert not found, found


class Server(Program):
    """A web server process, alone or with a relay."""

    def __init__(
        self, log: Path, command: Sequence[str] = WITH_FAILPOINTS, **environment: str
    ) -> None:
        self.port = free_port()
        # The workers that ran when kill_older_worker killed another one.
        self.before: set[int] = set()
        bind = {"BIND": f"127.0.0.1:{self.port}"}
        # The answers before Django by route, as clients have received them.
        self.fast_answers: Counter[str] = Counter()
        self.counting = Lock()
        super().__init__(log, command, **bind | environment)

    @property
    def workers(self) -> list[int]:
        """The processes that answer; granian also has one that only tracks resources.

        One that was killed has no command line until it is replaced.
        """
        commands = {each: read(each, "cmdline") for each in below(self.popen.pid)}
        return [
            each
            for each, command in commands.items()
            if command and "resource_track" not in command
        ]

    def kill_worker(self) -> bool:
        """Kill a worker with SIGKILL; return whether there was one."""
        workers = self.workers
        if workers:
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311
        return bool(workers)

    def kill_older_worker(self) -> bool:
        """Kill the worker of two that was not replaced last; return whether both were running.

        granian ends if a worker is killed twice within six seconds, unless the other one is killed
        in between.
        """
        workers = self.workers
        older = [each for each in workers if each in self.before] or workers
        is_killed = len(workers) > 1
        if is_killed:
            os.kill(older[0], signal.SIGKILL)
            self.before = {*workers} - {older[0]}
        return is_killed

    def status(self, path: str, seconds: float = 5.0) -> int | None:
        """Return the status of a GET, or None without an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()

    def is_live(self) -> bool:
        return self.status("/health/live/") == 200

    def is_ready(self) -> bool:
        return self.status("/health/ready/") == 200


@contextmanager
def run_server(
    folder: Path, command: Sequence[str] = WITH_FAILPOINTS, **environment: str
) -> Iterator[Server]:
    server = Server(folder / "server.log", command, **environment)
    try:
        server.until(server.is_live)
        yield server
        server.ensure_no_server_errors()
    finally:
        server.stop(signal.SIGINT)  # immediately, without waiting for its clients
