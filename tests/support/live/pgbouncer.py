"""PgBouncer in front of the test database, which tests restart while requests are running."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.postgres import free_port

START_TIMEOUT = 20
# The first version that forwards prepared statements of transactions.
PREPARED_STATEMENTS = (1, 21)
CONFIGURATION = """
[databases]
* = host={host} port={port} user={user} password={password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {connections}
max_client_conn = 200
server_login_retry = 0.1
ignore_startup_parameters = extra_float_digits
{more}
"""


def find_version() -> tuple[int, int] | None:
    """Return the version of the PgBouncer on this machine, or None without one."""
    program = shutil.which("pgbouncer")
    if program is None:
        return None
    output = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    major, minor = re.findall(r"\d+", output.stdout)[:2]
    return int(major), int(minor)


class PgBouncer:
    """A PgBouncer that can be stopped and started again at the same port."""

    def __init__(self, folder: Path, database: str, mode: str, **more: str) -> None:
        self.port = free_port()
        parts = urlsplit(database)
        if os.geteuid() == 0:
            # It refuses to run as root.
            more |= {"user": "nobody"}
        # A transaction needs a connection for a moment, a session for as long as it lasts.
        connections = 4 if mode == "transaction" else 60
        self.file = folder / "pgbouncer.ini"
        self.file.write_text(
            CONFIGURATION.format(
                host=parts.hostname,
                port=parts.port,
                user=parts.username,
                password=parts.password or "",
                listen_port=self.port,
                mode=mode,
                connections=connections,
                more="\n".join(f"{name} = {value}" for name, value in more.items()),
            )
        )
        self.url = parts._replace(netloc=f"{parts.username}:x@127.0.0.1:{self.port}").geturl()
        self.log = folder / "pgbouncer.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            # A shell that runs the tests in the background ignores these signals, and so would
            # everything that it starts.
            signals = "--default-signal=INT,QUIT"
            self.process = subprocess.Popen(
                ["env", signals, "pgbouncer", str(self.file)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not self.is_listening():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def is_listening(self) -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(START_TIMEOUT)

    def restart(self, number: int) -> None:
        self.stop(number)
        self.start()


@contextmanager
def run_pgbouncer(folder: Path, database: str, mode: str, **more: str) -> Iterator[PgBouncer]:
    pgbouncer = PgBouncer(folder, database, mode, **more)
    pgbouncer.start()
    try:
        yield pgbouncer
    finally:
        pgbouncer.stop(signal.SIGKILL)
