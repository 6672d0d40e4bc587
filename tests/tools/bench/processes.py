"""What the processes of a server take, where the system tells: memory, and processor time.

The processor time of a request is the same however busy the machine is with other things.
"""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# Of the fields of /proc/PID/stat that follow the program's name: user and system time, of the
# process and of its children that have ended.
TIMES = slice(11, 15)


def below(process: int) -> Iterator[int]:
    """Yield the children of a process, and theirs."""
    for child in map(int, read(process, f"task/{process}/children").split()):
        yield child
        yield from below(child)


def read(process: int, name: str) -> str:
    """Return nothing of a process that has ended, or on a system without such a file."""
    try:
        return (PROC / str(process) / name).read_text()
    except OSError:
        return ""


def largest(process: int) -> int:
    """Return the MiB that the largest process below this one holds in memory."""
    return max((resident(each) for each in below(process)), default=0) // 1024


def resident(process: int) -> int:
    """Return KiB."""
    lines = (line.split() for line in read(process, "status").splitlines())
    return next((int(fields[1]) for fields in lines if fields[0] == "VmRSS:"), 0)


def cpu_seconds(process: int) -> float:
    """Return the processor time of a process and of all below it, also of those that have ended."""
    return sum(count_ticks(each) for each in (process, *below(process))) / TICKS


def count_ticks(process: int) -> int:
    return sum(parse_ticks(read(process, "stat")))


def parse_ticks(stat: str) -> list[int]:
    """Return user and system time from a line of /proc/PID/stat, for any program name."""
    return [int(field) for field in stat.rpartition(")")[2].split()[TIMES]]
