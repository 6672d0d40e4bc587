"""What the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django = get_wsgi_application()

# Only now, with Django set up: the middleware's own imports ask for its settings and models.
from config.middleware import reject_unreadable_media_types  # noqa: E402

application = reject_unreadable_media_types(django)
