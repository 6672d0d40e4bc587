"""Starts the server of SERVER as `config.server` does, with the application of `wsgi`."""

import os

from config import gunicorn
from config.server import GUNICORN, build_command, build_environment

APPLICATION = "tests.support.live.wsgi:application"


def main() -> None:
    server = gunicorn.env.str("SERVER", default=GUNICORN)
    command = build_command(server)
    # The application is the last argument of granian, and in the settings of gunicorn.
    command = [*(command if server == GUNICORN else command[:-1]), APPLICATION]
    os.execve(command[0], command, build_environment(server, os.environ))  # noqa: S606


if __name__ == "__main__":
    main()
