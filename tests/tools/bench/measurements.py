"""What is measured for some seconds at a time, in turns, and compared."""

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from json import loads
from pathlib import Path
from time import monotonic
from typing import Protocol
from urllib.parse import urlsplit

from accounts.security.hashers import LeanArgon2PasswordHasher
from tests.tools.bench import layout, processes
from tests.tools.bench.client import FIRST_REFUSAL, send
from tests.tools.bench.load import Generator, Window
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.requests import Kind
from tests.tools.bench.till import Server

# Of the requests that may be sent again, and of the others more than anything can take.
REPEATED = 2_000
MOST_A_SECOND = 3_000


class Subject(Protocol):
    """Something that can be measured."""

    name: str

    def measure(self) -> Window: ...


@dataclass(slots=True)
class Calls:
    """One kind of request to one server."""

    name: str
    server: Server
    kind: Kind
    generator: Generator
    scratch: Path
    answered: int = 0

    @property
    def sold(self) -> int:
        return self.answered if self.kind.once else 0

    def check(self) -> None:
        """Refuse to measure what does not answer as it should."""
        line = self.kind.make(self.server.world).rstrip("\n")
        connection = HTTPConnection(urlsplit(self.server.base).netloc, timeout=30)
        status, body = send(connection, line)
        connection.close()
        if status >= FIRST_REFUSAL or not self.kind.is_right(loads(body)):
            raise DidNotWork(f"{line}\n{status} {body.decode(errors='replace')}")

    def measure(self) -> Window:
        lines = self.scratch / "requests"
        count = int(MOST_A_SECOND * self.generator.seconds) if self.kind.once else REPEATED
        self.kind.write(lines, self.server.world, count)
        before = processes.seconds(self.server.process)
        window = self.generator.send(self.server.base, lines)
        window = replace(window, cpu=processes.seconds(self.server.process) - before)
        if self.kind.once and window.requests >= count:
            raise DidNotWork("More answers than requests: raise MOST_A_SECOND.")
        self.answered += window.requests - window.refused
        return window


@dataclass(slots=True)
class Hashing:
    """Checking passwords and nothing else, on every core."""

    name: str
    seconds: float

    def measure(self) -> Window:
        hasher = LeanArgon2PasswordHasher()
        encoded = hasher.encode(layout.PASSWORD, hasher.salt())
        started = monotonic()

        def check_until_the_end(_core: int) -> int:
            checked = 0
            while monotonic() < started + self.seconds:
                checked += hasher.verify(layout.PASSWORD, encoded)
            return checked

        # Threads will do: the hash lets go of the interpreter.
        with ThreadPoolExecutor(cores()) as threads:
            checked = sum(threads.map(check_until_the_end, range(cores())))
        return Window(checked, monotonic() - started)


def cores() -> int:
    """As config/gunicorn.py counts them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two subjects, and how much of the second's rate the first should reach."""

    subject: str
    base: str
    target: float


@dataclass(slots=True)
class Results:
    """Every window of every subject."""

    windows: dict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    errors: int = 0

    def ratios(self, ratio: Ratio) -> list[float]:
        """Of windows of the same round."""
        pairs = zip(self.windows[ratio.subject], self.windows[ratio.base], strict=True)
        return [ours.rate / theirs.rate for ours, theirs in pairs]


def measure(subjects: Sequence[Subject], rounds: int) -> Results:
    """Each in turn, so that the machine's moods meet all alike; the first round warms up."""
    results = Results()
    for number in range(rounds + 1):
        for subject in subjects:
            window = subject.measure()
            results.errors += window.errors
            if number:
                results.windows[subject.name].append(window)
    return results
