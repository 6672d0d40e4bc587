"""Starts the web server: `python -m config.server`. SERVER selects gunicorn or granian.

The differences are in docs/operations/servers.md.
"""

import os
import sys
from collections.abc import Mapping

from gunicorn.util import parse_address

from config import gunicorn

GUNICORN, GRANIAN = "gunicorn", "granian"
SERVERS = (GUNICORN, GRANIAN)
# Connections that wait for a worker. More are refused, as by gunicorn.
BACKLOG = 2048
HEADER_TIMEOUT_MILLISECONDS = 10_000
# Names that granian would copy from the environment of the process to that of each request.
PREFIX_OF_HEADERS = "HTTP_"


def build_command(server: str) -> list[str]:
    """Return the command of a server, with the settings of config/gunicorn.py."""
    if server == GUNICORN:
        return [sys.executable, "-m", "gunicorn", "--config", "config/gunicorn.py"]
    if server == GRANIAN:
        return [*build_granian_command(), "config.wsgi:application"]
    sys.exit(f"SERVER must be {' or '.join(SERVERS)}, not {server!r}.")


def build_granian_command() -> list[str]:
    options = {
        "interface": "wsgi",
        "http": "1",
        "workers": gunicorn.workers,
        "blocking-threads": gunicorn.threads,
        "backlog": BACKLOG,
        "http1-header-read-timeout": HEADER_TIMEOUT_MILLISECONDS,
        "workers-kill-timeout": gunicorn.graceful_timeout,
        "log-level": "warning",
    }
    flags = ["--no-ws", "--no-access-log", "--respawn-failed-workers"]
    named = [f"--{name}={value}" for name, value in (options | parse_bind(gunicorn.bind)).items()]
    return [sys.executable, "-m", "granian", *named, *flags]


def parse_bind(bind: str) -> dict[str, str | int]:
    """Return the options for the one address on which granian listens."""
    address = parse_address(bind) if "," not in bind else None
    if isinstance(address, tuple):
        host, port = address[:2]
        return {"host": host, "port": port}
    if isinstance(address, str):
        return {"uds": address}
    sys.exit("granian listens on one address: BIND must be host:port or unix:/path.")


def build_environment(server: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server's processes."""
    if server != GRANIAN:
        return dict(environment)
    kept = {
        name: value
        for name, value in environment.items()
        # HTTP_PROXY is for the requests that Till sends.
        if not name.startswith(PREFIX_OF_HEADERS) or name == "HTTP_PROXY"
    }
    # As config/gunicorn.py has it, for the reasons given there.
    return kept | {"MALLOC_ARENA_MAX": "1", "WEB_CONCURRENCY": str(gunicorn.workers)}


def main() -> None:
    server = gunicorn.env.str("SERVER", default=GUNICORN)
    command = build_command(server)
    if server == GRANIAN:  # gunicorn creates it itself
        gunicorn.create_metrics_directory()
    os.execve(command[0], command, build_environment(server, os.environ))  # noqa: S606


if __name__ == "__main__":
    main()
