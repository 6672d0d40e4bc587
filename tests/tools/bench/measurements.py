"""What is measured for some seconds at a time, in turns, and compared."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from json import loads
from pathlib import Path
from time import monotonic
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.security.hashers import LeanArgon2PasswordHasher
from tests.tools.bench import layout
from tests.tools.bench.client import FIRST_REFUSAL, send
from tests.tools.bench.load import Generator, Window
from tests.tools.bench.machine import count_cores, count_foreign_cores, take_sample
from tests.tools.bench.processes import cpu_seconds
from tests.tools.bench.programs import DidNotWork
from tests.tools.bench.requests import Kind
from tests.tools.bench.till import Server

# Of the requests that may be sent again, and of the others more than anything can take.
REPEATED = 2_000
MAX_PER_SECOND = 3_000


class Name(NamedTuple):
    """What is measured: a call, and what answers it."""

    call: str
    server: str


class Subject(Protocol):
    """Something that can be measured."""

    name: Name

    def measure(self) -> Window: ...


@dataclass(slots=True)
class Calls:
    """One kind of request to one server."""

    name: Name
    server: Server
    kind: Kind
    generator: Generator
    scratch: Path
    postmaster: int
    answered: int = 0

    @property
    def sold(self) -> int:
        return self.answered if self.kind.sells else 0

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
        count = int(MAX_PER_SECOND * self.generator.seconds) if self.kind.once else REPEATED
        written = self.kind.write(lines, self.server.world, count)
        web, database = cpu_seconds(self.server.process), cpu_seconds(self.postmaster)
        window = self.generator.send(self.server.base, lines)
        window = replace(
            window,
            web_cpu=cpu_seconds(self.server.process) - web,
            database_cpu=cpu_seconds(self.postmaster) - database,
        )
        if self.kind.once and window.requests >= written:
            raise DidNotWork("More answers than requests: raise MAX_PER_SECOND.")
        self.kind.count_answered(window.requests)
        self.answered += window.requests - window.refused
        return window


@dataclass(slots=True)
class Hashing:
    """Checking passwords and nothing else, on every core."""

    name: Name
    seconds: float

    def measure(self) -> Window:
        hasher = LeanArgon2PasswordHasher()
        # Without the slots of a web server, which need its settings.
        encoded = Argon2PasswordHasher.encode(hasher, layout.PASSWORD, hasher.salt())
        started = monotonic()

        def check_until_the_end(_core: int) -> int:
            checked = 0
            while monotonic() < started + self.seconds:
                checked += Argon2PasswordHasher.verify(hasher, layout.PASSWORD, encoded)
            return checked

        # Threads will do: the hash lets go of the interpreter.
        with ThreadPoolExecutor(count_cores()) as threads:
            checked = sum(threads.map(check_until_the_end, range(count_cores())))
        return Window(checked, monotonic() - started)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two subjects, and how much of the second's rate the first should reach."""

    subject: Name
    base: Name
    target: float


@dataclass(slots=True)
class Results:
    """Every window of every subject."""

    windows: dict[Name, list[Window]] = field(default_factory=lambda: defaultdict(list))
    errors: int = 0

    def ratios(self, ratio: Ratio) -> list[float]:
        """Compare windows of the same round, unless nothing was answered in one."""
        pairs = zip(self.windows[ratio.subject], self.windows[ratio.base], strict=True)
        return [ours.rate / theirs.rate for ours, theirs in pairs if theirs.requests]

    def cpu_ratios(self, ratio: Ratio) -> list[float]:
        """Compare the processor time of a request: above 1 is less than the base takes."""
        pairs = zip(self.windows[ratio.subject], self.windows[ratio.base], strict=True)
        return [
            theirs.milliseconds / ours.milliseconds for ours, theirs in pairs if ours.milliseconds
        ]

    def known(self, ratios: Sequence[Ratio]) -> list[Ratio]:
        """Leave out what was not measured."""
        measured = self.windows.keys()
        return [
            each for each in ratios if {each.subject, each.base} <= measured and self.ratios(each)
        ]


def measure(subjects: Sequence[Subject], rounds: int) -> Results:
    """Measure each in turn, so that other load affects all equally; the first round warms up."""
    results = Results()
    for number in range(rounds + 1):
        for subject in subjects:
            before = take_sample()
            window = subject.measure()
            foreign = count_foreign_cores(before, take_sample())
            results.errors += window.errors
            if number:
                results.windows[subject.name].append(replace(window, foreign=foreign))
    return results
