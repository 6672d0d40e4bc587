#!/usr/bin/env python
"""Till's commands: `manage.py help` lists them."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        settings.DEBUG  # noqa: B018  (loads them)
    except ImproperlyConfigured as error:
        # Django would go on without settings, and then complain of something else.
        sys.exit(str(error))
    execute_from_command_line(sys.argv)
