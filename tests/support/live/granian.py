"""The production configuration of granian, with the code loaded before workers are forked.

Workers that are killed often would spend their time loading it.
"""

import sys

from granian.cli import entrypoint

from config.server import build_granian_command
from tests.support.live import failpoints, wsgi


def main() -> None:
    failpoints.warm_up(wsgi)
    _python, _option, program, *options = build_granian_command()
    sys.argv = [program, *options, f"{wsgi.__name__}:application"]
    entrypoint()


if __name__ == "__main__":
    main()
