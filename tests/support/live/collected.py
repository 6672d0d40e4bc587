"""Settings of a server with collected static files, as in production."""

from tests.support.live.settings import *  # noqa: F403
from tests.support.live.settings import STORAGES, env

STATIC_ROOT = env.str("STATIC_ROOT")
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "config.static_files.HashedStaticFiles"}}
WHITENOISE_AUTOREFRESH = False
WHITENOISE_USE_FINDERS = False
