"""Run the replay as a program of its own, on the database that the settings name."""

import os
import sys
from importlib import import_module

import django


def main() -> None:
    """Set Django up first: the command imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    command = import_module("tests.tools.replay_baskets.command").Command()
    command.run_from_argv(["python -m", "tests.tools.replay_baskets", *sys.argv[1:]])


if __name__ == "__main__":
    main()
