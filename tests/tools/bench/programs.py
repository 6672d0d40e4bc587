"""The programs that are measured: each lives as long as the bench, however the bench ends."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.error import URLError

READY_TIMEOUT = 60
STOP_TIMEOUT = 40
ROOT = Path(__file__).resolve().parents[3]

# Its input is a pipe from this process: when the pipe closes, even after a crash, the program is
# terminated.
KEEPER = '"$@" </dev/null & cat >/dev/null; kill -TERM $!; wait $!'

# Till's access log and uvicorn's.
ANSWERED_WELL = re.compile(r'"status": 2\d\d|HTTP/1\.1" 2\d\d')


class DidNotWork(Exception):
    """Something did not do what it must before or while it is measured."""


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], *, log: Path, cwd: Path = ROOT
) -> Iterator[int]:
    """Run a server for the duration of the block; yield the id of its parent process."""
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "sh", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=cwd,
            start_new_session=True,
        )
    try:
        yield keeper.pid
    finally:
        assert keeper.stdin is not None
        keeper.stdin.close()
        end(keeper)


def end(keeper: subprocess.Popen[bytes]) -> None:
    """Wait until the program has exited; kill it after a timeout."""
    try:
        keeper.wait(timeout=STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()


def wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  (our own)
                if answer.status == HTTPStatus.OK:
                    return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    raise DidNotWork(f"{url} did not answer.\n{tail(log.read_text())}")


def tail(log: str) -> str:
    """The end of a log, without the lines of requests that were answered well."""
    return "\n".join([line for line in log.splitlines() if not ANSWERED_WELL.search(line)][-30:])


def run(command: list[str], environment: Mapping[str, str], *, cwd: Path = ROOT) -> str:
    """Run a program to its end and give what it wrote."""
    done = subprocess.run(
        command, env=dict(environment), cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DidNotWork(f"{' '.join(command)}\n{tail(done.stdout + done.stderr)}")
    return done.stdout


def run_python(*arguments: str, environment: Mapping[str, str]) -> str:
    return run([sys.executable, *arguments], environment)
