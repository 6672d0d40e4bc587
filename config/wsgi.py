"""What the web server runs."""

import os

from django.core.wsgi import get_wsgi_application

from config.middleware import with_readable_media_types

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = with_readable_media_types(get_wsgi_application())
