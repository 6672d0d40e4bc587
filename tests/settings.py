"""The settings of the tests: those of production, without slow parts and external services."""

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
    "API_DOCS": "public",
    # Tests of other things run on machines without fonts too.
    "SILENCED_SYSTEM_CHECKS": "orders.W001",
}
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

with patch("environ.Env.read_env"):  # tests do not depend on a developer's .env
    from config.settings import *  # noqa: F403
    from config.settings import DATABASES, IS_SQLITE, PASSWORD_HASHERS, REDIS_URL, STORAGES

# Only the tests of Redis use the Redis of the environment, and they do not empty it.
GIVEN_REDIS_URL, REDIS_URL = REDIS_URL, ""
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# Not from the environment, so that servers under test count in memory.
METRICS_TOKEN = "a-token-of-the-metrics-for-tests-only"

# No serialized copy of the database: making it would need to read the rows of all tenants.
DATABASES["default"]["TEST"] = {"SERIALIZE": False}
if IS_SQLITE:
    # A file, because threads with their own connections cannot share a database in memory.
    # A new name, so that simultaneous test runs do not conflict.
    scratch = Path(tempfile.gettempdir()) / f"till-test-{token_hex(4)}.sqlite3"
    DATABASES["default"]["TEST"]["NAME"] = str(scratch)
elif os.environ.get("TEST_KEPT_DATABASE"):
    # The migrated database of tests.support.cluster, used as it is.
    DATABASES["default"]["TEST"]["NAME"] = os.environ["TEST_KEPT_DATABASE"]
else:
    # Copying the migrated database of tests.support.postgres is faster than migrating.
    DATABASES["default"]["TEST"]["TEMPLATE"] = os.environ.get("TEST_TEMPLATE_DATABASE")

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = STORAGES | {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
# Find static files on request, because `collectstatic` has not run.
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
