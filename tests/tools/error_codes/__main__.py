"""Write config/openapi_codes.json."""

import os
import sys

import django
from django.utils.module_loading import import_string


def main() -> None:
    """Set Django up first: the modules that are searched import models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    path = import_string("config.openapi_errors.FILE")
    render_codes = import_string("tests.tools.error_codes.search.render_codes")

    path.write_text(render_codes(), "utf-8")
    sys.stdout.write(f"Wrote {path}.\n")


if __name__ == "__main__":
    main()
