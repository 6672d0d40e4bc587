"""Run the replay on the configured database."""

import os
import sys
from importlib import import_module

import django


def main() -> None:
    """Set up Django before importing the command, which imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    command = import_module("tests.tools.replay_baskets.command").Command()
    command.run_from_argv(["python -m", "tests.tools.replay_baskets", *sys.argv[1:]])


if __name__ == "__main__":
    main()
