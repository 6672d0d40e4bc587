"""A relay as a separate process with the notes of its subscriber."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).parents[2]
TIMEOUT = 60


class Process:
    """`manage.py relay` on the test database."""

    def __init__(self, book: Path, *options: str, pause: float | None = None) -> None:
        self.book = book
        self.log = book.with_suffix(".log")
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "manage.py", "relay", *options],
                cwd=ROOT,
                env=environment(book, pause),
                stdout=log,
                stderr=log,
            )

    @property
    def notes(self) -> list[str]:
        return self.book.read_text().splitlines() if self.book.exists() else []

    def wait_for(self, *notes: str) -> None:
        until(lambda: set(notes) <= set(self.notes), self.log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(TIMEOUT)


def environment(book: Path, pause: float | None) -> dict[str, str]:
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.support.relay_settings",
        "DATABASE_URL": database_url(),
        "RELAY_NOTEBOOK": str(book),
        "RELAY_PAUSE": str(pause or ""),
    }


def database_url() -> str:
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    password = quote(at["PASSWORD"], safe="")
    return f"postgres://{at['USER']}:{password}@{at['HOST']}:{at['PORT']}/{at['NAME']}"


def until(holds: Callable[[], bool], log: Path) -> None:
    """Wait for a condition; show the log of the process if it does not become true."""
    deadline = time.monotonic() + TIMEOUT
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@contextmanager
def run_relays(count: int, book: Path, pause: float | None = None) -> Iterator[list[Process]]:
    processes = [Process(book, pause=pause) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.popen.kill()
            process.popen.wait()
