"""Web server and relay on one machine, for `make run`: `python -m config.together`.

They start together and stop together. In production each is looked after by itself.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
WEB = (sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py")
RELAY = (sys.executable, "manage.py", "relay")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = 0.2
LONGEST_PAUSE = 30.0
Process = subprocess.Popen[bytes]


class Together:
    """As long as the web server runs, a relay runs beside it."""

    def __init__(self, web: Sequence[str] = WEB, relay: Sequence[str] = RELAY) -> None:
        self.commands = {"web": web, "relay": relay}
        self.stopping = False
        self.pause = 1.0

    def run(self) -> int:
        """Until somebody stops it, or the web server ends; gives the web server's code."""
        for number in SIGNALS:
            signal.signal(number, self.stop)
        web, relay = self.start("web"), self.start("relay")
        while not self.stopping and web.poll() is None:
            if relay.poll() is not None:
                relay = self.start_again(relay)
            time.sleep(LOOK)
        for process in (web, relay):
            process.terminate()
        relay.wait()
        return web.wait()

    def stop(self, *_signal: Any) -> None:
        self.stopping = True

    def start(self, name: str) -> Process:
        """In a group of its own: Ctrl-C is for us to pass on, once and as a polite request."""
        command = self.commands[name]
        return subprocess.Popen(command, cwd=ROOT, start_new_session=True)  # noqa: S603

    def start_again(self, relay: Process) -> Process:
        sys.stderr.write(f"The relay ended with {relay.returncode}; it is started again.\n")
        end = time.monotonic() + self.pause
        while not self.stopping and time.monotonic() < end:
            time.sleep(LOOK)
        self.pause = min(self.pause * 2, LONGEST_PAUSE)
        return self.start("relay") if not self.stopping else relay


if __name__ == "__main__":
    sys.exit(Together().run())
