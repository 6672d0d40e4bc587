"""WSGI application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

# Imported after the setup of Django, because the module imports models.
from config.middleware import reject_unreadable_media_types  # noqa: E402

application = reject_unreadable_media_types(django)
