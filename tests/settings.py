"""The settings that tests run with: production's, less what is slow or leaves the machine."""

import os
import tempfile
from pathlib import Path
from secrets import token_hex
from unittest.mock import patch

os.environ |= {
    "DEBUG": "off",
    "SECRET_KEY": "a-secret-key-for-tests-that-protects-nothing-at-all",
    "JWT_SIGNING_KEY": "a-signing-key-for-tests-that-protects-nothing-at-all",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "SECURE_SSL_REDIRECT": "off",
    "PAYMENT_SIMULATOR": "on",
}
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

with patch("environ.Env.read_env"):  # a developer's .env is not what the tests are about
    from config.settings import *  # noqa: F403
    from config.settings import DATABASES, IS_SQLITE, PASSWORD_HASHERS, REDIS_URL, STORAGES

# A Redis that the shell names is for the tests that are about Redis, and not to be emptied.
GIVEN_REDIS_URL, REDIS_URL = REDIS_URL, ""
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Nothing is put back from a copy made at the start: the copy would need every shop's rows at once.
DATABASES["default"]["TEST"] = {"SERIALIZE": False}
if IS_SQLITE:
    # A file, because threads with connections of their own cannot share a database in memory;
    # a new one, so that test runs side by side do not meet.
    scratch = Path(tempfile.gettempdir()) / f"till-test-{token_hex(4)}.sqlite3"
    DATABASES["default"]["TEST"]["NAME"] = str(scratch)
else:
    # Copying the migrated database of tests.support.postgres is quicker than migrating.
    DATABASES["default"]["TEST"]["TEMPLATE"] = os.environ.get("TEST_TEMPLATE_DATABASE")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
# Look static files up when asked for, instead of listing a directory that nobody has filled.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
