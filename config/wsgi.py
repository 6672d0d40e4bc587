"""WSGI application."""

import os
import sys
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# REST framework imports `requests` for a test client if it is installed. It takes 5 MiB, and only
# cards at Stripe need it.
modules: dict[str, Any] = sys.modules
is_hidden = "requests" not in modules
if is_hidden:
    modules["requests"] = None
django = get_wsgi_application()

# Imported after the setup of Django, because the modules import models.
from config.fast_entry import with_fast_entry  # noqa: E402
from config.middleware import reject_unreadable_media_types  # noqa: E402

if is_hidden:
    del modules["requests"]

application = with_fast_entry(reject_unreadable_media_types(django))
