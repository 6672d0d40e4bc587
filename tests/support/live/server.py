"""Real servers on the database of the tests, to be killed, stopped and cut off."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.support.postgres import free_port
from tests.support.relay_process import ROOT, database_url
from tests.tools.bench.processes import below

PATIENCE = 120.0
TILL = ("-m", "gunicorn", "--config", "config/gunicorn.py")
# The same, with steps at which to die.
MORTAL = ("-m", "gunicorn", "--config", "tests/support/live/gunicorn.py")
TOGETHER = ("-m", "config.development_server")


class Program:
    """A program of Till's, with what it wrote."""

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
        """Its exit code, once it has been asked to end; it may not take for ever."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        try:
            return self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise

    def said(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log that tell of this."""
        found = (line for line in self.log.read_text().splitlines() if f'"{event}"' in line)
        return [json.loads(line) for line in found if line.startswith("{")]

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self.popen.poll() is None, self.log.read_text()[-5000:]
            assert time.monotonic() < deadline, self.log.read_text()[-5000:]
            time.sleep(0.02)

    def ensure_no_mistakes(self) -> None:
        """A refusal is an answer and so is a 503; any other 5xx is a mistake."""
        wrong = [line for line in self.said("request") if line["status"] >= 500]
        assert [line for line in wrong if line["status"] != 503] == []


class Server(Program):
    """A web server, alone or with a relay."""

    def __init__(self, log: Path, command: Sequence[str] = MORTAL, **environment: str) -> None:
        self.port = free_port()
        bind = {"BIND": f"127.0.0.1:{self.port}"}
        super().__init__(log, command, **bind | environment)

    @property
    def workers(self) -> list[int]:
        return list(below(self.popen.pid))

    def kill_a_worker(self) -> bool:
        """With no time for last words; whether there was one."""
        workers = self.workers
        if workers:
            with suppress(ProcessLookupError):
                os.kill(random.choice(workers), signal.SIGKILL)  # noqa: S311
        return bool(workers)

    def status(self, path: str, seconds: float = 5.0) -> int | None:
        """Of an answer; None where there is none."""
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
    folder: Path, command: Sequence[str] = MORTAL, **environment: str
) -> Iterator[Server]:
    server = Server(folder / "server.log", command, **environment)
    try:
        server.until(server.is_live)
        yield server
        server.ensure_no_mistakes()
    finally:
        server.stop(signal.SIGINT)  # without the two seconds that it has for its clients
