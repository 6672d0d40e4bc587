"""WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

# Imported after the setup of Django, because the modules import models.
from config.fast_entry import with_fast_entry  # noqa: E402
from config.middleware import reject_unreadable_media_types  # noqa: E402

application = with_fast_entry(reject_unreadable_media_types(django))
