"""Run the replay as a program of its own, on the database that the settings name."""

import os
import sys

import django


def main() -> None:
    """Set Django up first: the command imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from tests.tools.replay_baskets.command import Command  # noqa: PLC0415  (needs the models)

    Command().run_from_argv(["python -m", "tests.tools.replay_baskets", *sys.argv[1:]])


if __name__ == "__main__":
    main()
