"""Sending requests for some seconds, with wrk where there is one, else with Python."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.tools.bench.programs import DidNotWork, run, run_python

SCRIPT = Path(__file__).with_name("send.lua")


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
    # Seconds of the server's processes.
    cpu: float = 0

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def errors(self) -> int:
        return self.refused + self.broken


@dataclass(frozen=True, slots=True)
class Generator:
    """So many connections, each sending its next request when it has the answer."""

    connections: int
    seconds: float

    @property
    def name(self) -> str:
        return "wrk" if shutil.which("wrk") else "tests.tools.bench.client"

    def send(self, base: str, lines: Path) -> Window:
        output = self.wrk(base, lines) if shutil.which("wrk") else self.client(base, lines)
        results = [text.split() for text in output.splitlines() if text.startswith("RESULT ")]
        if not results:
            raise DidNotWork(output)
        _, requests, seconds, p50, p99, refused, broken = results[0]
        return Window(
            int(requests), float(seconds), float(p50), float(p99), int(refused), int(broken)
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
