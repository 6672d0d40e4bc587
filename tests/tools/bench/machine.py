"""The machine of a measurement: what it is, and what else it does meanwhile."""

import os
import platform
import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from time import monotonic

from tests.tools.bench.processes import PROC, TICKS, cpu_seconds

# Of the fields of the first line of /proc/stat: all but idle time and waiting for a disk.
BUSY = (0, 1, 2, 5, 6, 7)
PACKAGES = ("Django", "djangorestframework", "psycopg", "gunicorn", "granian")


def count_cores() -> int:
    """Return how many cores this process may use, as config/gunicorn.py counts them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Sample:
    """Processor time until one moment, in seconds: of everything, and of the bench's programs."""

    moment: float
    busy: float
    own: float


def take_sample() -> Sample:
    return Sample(monotonic(), parse_busy(read_stat()), cpu_seconds(os.getpid()))


def read_stat() -> str:
    try:
        return (PROC / "stat").read_text()
    except OSError:
        return ""


def parse_busy(stat: str) -> float:
    """Return the seconds that the processors have worked, stolen time included."""
    fields = stat.partition("\n")[0].split()[1:]
    return sum(int(fields[each]) for each in BUSY if each < len(fields)) / TICKS


def count_foreign_cores(before: Sample, after: Sample) -> float:
    """Return how many cores other programs kept busy between two samples."""
    seconds = after.moment - before.moment
    foreign = (after.busy - before.busy) - (after.own - before.own)
    return max(foreign, 0.0) / seconds if seconds else 0.0


def read_load() -> str:
    """Return the load averages of one, five and fifteen minutes."""
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def describe(postgres: str) -> str:
    """Return one line: processor, memory and the versions of what is measured."""
    parts = [
        f"{count_cores()} cores ({find_model()})",
        f"{find_memory()} GiB of memory",
        f"Python {platform.python_version()}",
        f"PostgreSQL {postgres}",
        *(f"{name} {found}" for name in PACKAGES if (found := find_version(name))),
        *find_generator(),
    ]
    return ", ".join(parts)


def find_model() -> str:
    try:
        text = (PROC / "cpuinfo").read_text()
    except OSError:
        text = ""
    match = re.search(r"^model name\s*: (.*)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def find_memory() -> int:
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1024**3)


def find_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def find_generator() -> list[str]:
    try:
        output = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    except OSError:
        return []
    match = re.search(r"wrk \S+", output.stdout + output.stderr)
    return [match[0]] if match else []
