"""Runs the web server and the relay for `make run`: `python -m config.development_server`.

Both start and stop together; in production a supervisor runs each. `--check` only checks whether
the port is free.
"""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gunicorn.util import parse_address

from config import gunicorn

ROOT = Path(__file__).resolve().parent.parent
WEB = (sys.executable, "-m", "config.server")
RELAY = (sys.executable, "manage.py", "relay")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
POLL_SECONDS = 0.2
MAX_RESTART_DELAY = 30.0
LIBC = ctypes.CDLL(None)
# From sys/prctl.h.
PR_SET_PDEATHSIG = 1
Process = subprocess.Popen[bytes]


def end_with_parent() -> None:
    """Make Linux send SIGTERM to this process when its parent is killed."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class DevelopmentServer:
    """The web server, and a relay that runs as long as the web server does."""

    def __init__(self, web: Sequence[str] = WEB, relay: Sequence[str] = RELAY) -> None:
        self.commands = {"web": web, "relay": relay}
        self.stopping = False
        self.pause = 1.0

    def run(self) -> int:
        """Run until stopped or until the web server ends; return the web server's exit code."""
        for number in SIGNALS:
            signal.signal(number, self.stop)
        web, relay = self.start("web"), self.start("relay")
        while not self.stopping and web.poll() is None:
            if relay.poll() is not None:
                relay = self.restart_relay(relay)
            time.sleep(POLL_SECONDS)
        if not self.stopping:
            sys.stderr.write(f"The web server exited with {web.returncode}. Stopping the relay.\n")
        for process in (web, relay):
            process.terminate()
        relay.wait()
        return web.wait()

    def stop(self, *_signal: Any) -> None:
        self.stopping = True

    def start(self, name: str) -> Process:
        """Start a process in its own session, so that Ctrl-C reaches it only as our SIGTERM."""
        command = self.commands[name]
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509  (there are no threads)
        )

    def restart_relay(self, relay: Process) -> Process:
        sys.stderr.write(f"The relay exited with {relay.returncode}. Restarting it.\n")
        end = time.monotonic() + self.pause
        while not self.stopping and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        self.pause = min(self.pause * 2, MAX_RESTART_DELAY)
        return self.start("relay") if not self.stopping else relay


def ensure_free(bind: str) -> None:
    """Exit with a message if the address is in use, before anything is started.

    gunicorn would retry for five seconds.
    """
    for text in bind.split(","):
        address = parse_address(text)
        if isinstance(address, tuple):
            try_listening(*address)


def try_listening(host: str, port: int) -> None:
    where = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            # As gunicorn does, so that a recently closed port counts as free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        sys.exit(
            f"Till cannot listen on {where}: {reason}. "
            "Stop the program that uses the port, or choose another: make run PORT=8001."
        )


def main(arguments: Sequence[str]) -> int:
    ensure_free(gunicorn.bind)
    return 0 if "--check" in arguments else DevelopmentServer().run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
