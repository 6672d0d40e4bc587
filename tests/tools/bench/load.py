"""Sending requests for some seconds, with wrk where there is one, else with Python."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.tools.bench.programs import DidNotWork, run, run_python

SCRIPT = Path(__file__).with_name("send.lua")
WITHOUT_WRK = (
    "wrk is not installed: Python sends the requests and takes much of the machine for it. "
    "Install it for figures that can be compared, on Debian and Ubuntu with "
    "`apt-get install wrk`, on macOS with `brew install wrk`."
)


@dataclass(frozen=True, slots=True)
class Window:
    """What one measurement of some seconds saw; percentiles in milliseconds."""

    requests: int
    seconds: float
    p50: float = 0
    p99: float = 0
    # Answered with an error, and not answered at all.
    refused: int = 0
    broken: int = 0
    # Seconds of the web server's processes, and of PostgreSQL's.
    web_cpu: float = 0
    database_cpu: float = 0
    # How many cores other programs kept busy meanwhile.
    foreign: float = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def errors(self) -> int:
        return self.refused + self.broken

    @property
    def web_milliseconds(self) -> float:
        return 1000 * self.web_cpu / self.requests if self.requests else 0

    @property
    def database_milliseconds(self) -> float:
        return 1000 * self.database_cpu / self.requests if self.requests else 0

    @property
    def milliseconds(self) -> float:
        """Processor time of a request in the web server and the database together."""
        return self.web_milliseconds + self.database_milliseconds


@dataclass(frozen=True, slots=True)
class Generator:
    """So many connections, each sending its next request when it has the answer."""

    connections: int
    seconds: float

    @property
    def name(self) -> str:
        return "wrk" if shutil.which("wrk") else "tests.tools.bench.client"

    def send(self, base: str, lines: Path) -> Window:
        return parse_result(
            self.wrk(base, lines) if shutil.which("wrk") else self.client(base, lines)
        )

    def wrk(self, base: str, lines: Path) -> str:
        options = [f"-c{self.connections}", "-t1", f"-d{self.seconds:.0f}s", "--timeout=30s"]
        command = ["wrk", *options, "-s", str(SCRIPT), base]
        return run(command, os.environ | {"REQUESTS": str(lines)})

    def client(self, base: str, lines: Path) -> str:
        options = [f"--connections={self.connections}", f"--seconds={self.seconds}"]
        return run_python(
            "-m", "tests.tools.bench.client", *options, base, str(lines), environment=os.environ
        )


def parse_result(output: str) -> Window:
    """Read the line that send.lua and the client write at their end."""
    results = [text.split() for text in output.splitlines() if text.startswith("RESULT ")]
    if not results:
        raise DidNotWork(output)
    _, requests, seconds, p50, p99, refused, broken = results[0]
    return Window(int(requests), float(seconds), float(p50), float(p99), int(refused), int(broken))
