"""Generate load with the standard library alone: `python -m tests.tools.bench.client BASE FILE`."""

import argparse
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address
from itertools import count, cycle
from pathlib import Path
from urllib.parse import urlsplit

PROCESSES = 2
FIRST_REFUSAL = 300
# Of the private network 10.0.0.0/8, each process from another place in it.
ADDRESSES = count(int(IPv4Address("10.0.0.1")) + (os.getpid() % 256) * 2**16)


@dataclass(slots=True)
class Tally:
    """What one connection saw."""

    times: list[float] = field(default_factory=list)
    refused: int = 0
    broken: int = 0


def hold_connection(base: str, lines: list[str], deadline: float) -> Tally:
    """Send one line after the other over one connection until the time is over."""
    tally = Tally()
    connection = HTTPConnection(urlsplit(base).netloc, timeout=30)
    for line in cycle(lines):
        started = time.monotonic()
        if started >= deadline:
            break
        try:
            status, _ = send(connection, line)
        except (HTTPException, OSError):
            connection.close()
            tally.broken += 1
        else:
            tally.times.append(time.monotonic() - started)
            tally.refused += status >= FIRST_REFUSAL
    connection.close()
    return tally


def send(connection: HTTPConnection, line: str) -> tuple[int, bytes]:
    method, path, token, key, body = line.split("\t", 4)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    # From an address of its own, as from many shops: one address alone is soon refused.
    headers["X-Forwarded-For"] = str(IPv4Address(next(ADDRESSES)))
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if key:
        headers["Idempotency-Key"] = key
    connection.request(method, path, body.encode() or None, headers)
    response = connection.getresponse()
    return response.status, response.read()


def hold_connections(base: str, shares: list[list[str]], deadline: float) -> list[Tally]:
    with ThreadPoolExecutor(len(shares)) as threads:
        return list(threads.map(lambda lines: hold_connection(base, lines, deadline), shares))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.client", description=__doc__)
    parser.add_argument("base")
    parser.add_argument("file", type=Path)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3)
    given = parser.parse_args()
    lines = given.file.read_text().splitlines()
    shares = [lines[each :: given.connections] for each in range(given.connections)]
    started = time.monotonic()
    with ProcessPoolExecutor(PROCESSES) as processes:
        halves = [
            processes.submit(
                hold_connections, given.base, shares[each::PROCESSES], started + given.seconds
            )
            for each in range(PROCESSES)
        ]
        tallies = [tally for half in halves for tally in half.result()]
    report(tallies, time.monotonic() - started)


def report(tallies: list[Tally], seconds: float) -> None:
    times = [1000 * each for tally in tallies for each in tally.times]
    cuts = statistics.quantiles(times, n=100)
    refused, broken = (sum(getattr(t, name) for t in tallies) for name in ("refused", "broken"))
    print(  # noqa: T201
        f"RESULT {len(times)} {seconds:.6f} {cuts[49]:.3f} {cuts[98]:.3f} {refused} {broken}"
    )


if __name__ == "__main__":
    main()
