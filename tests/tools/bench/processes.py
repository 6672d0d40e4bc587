"""What the processes of a server take, where the system tells: memory, and time of the processor.

The time counts the same however busy the machine is with other things.
"""

import os
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# Of the fields of /proc/PID/stat that follow the program's name: user and system time.
TIMES = slice(11, 13)


def below(process: int) -> Iterator[int]:
    """The children of a process, and theirs."""
    for child in map(int, read(process, f"task/{process}/children").split()):
        yield child
        yield from below(child)


def read(process: int, name: str) -> str:
    """Nothing of a process that has gone, or on a system that has no such file."""
    try:
        return (PROC / str(process) / name).read_text()
    except OSError:
        return ""


def largest(process: int) -> int:
    """MiB that the largest process below this one holds in memory."""
    return max((resident(each) for each in below(process)), default=0) // 1024


def resident(process: int) -> int:
    """KiB."""
    lines = (line.split() for line in read(process, "status").splitlines())
    return next((int(fields[1]) for fields in lines if fields[0] == "VmRSS:"), 0)


def seconds(process: int) -> float:
    """Processor time that the processes below this one have had."""
    return sum(ticks(each) for each in below(process)) / TICKS


def ticks(process: int) -> int:
    fields = read(process, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[TIMES]))
