"""Write docs/errors.md."""

import os
import sys

import django
from django.utils.module_loading import import_string

PAGE = "tests.tools.error_reference.page"


def main() -> None:
    """Set Django up first: the exception handler imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    path, build_page = import_string(f"{PAGE}.PAGE"), import_string(f"{PAGE}.build_page")

    path.write_text(build_page(), "utf-8")
    sys.stdout.write(f"Wrote {path}.\n")


if __name__ == "__main__":
    main()
