"""Every setting of Till, from the environment (table: docs/operations/installation.md)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from accounts.security.keys import InvalidKeyRing, KeyRing
from accounts.security.peppers import InvalidPeppers, parse_peppers
from config.databases import SQLITE_OPTIONS, postgresql
from config.logging import logging_config
from config.openapi import SPECTACULAR_SETTINGS  # noqa: F401  (read by drf-spectacular)

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()
env.read_env(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
# The published key is for development only.
MIN_SECRET_LENGTH = 32
DEVELOPMENT_KEY = "a-key-that-everybody-knows-and-nobody-may-use-in-production-0123456789"


def ensure_private(name: str, *values: str) -> None:
    """Reject the published development key unless DEBUG is on, as anyone could sign with it."""
    if not DEBUG and any(DEVELOPMENT_KEY in value for value in values):
        raise ImproperlyConfigured(
            f"{name} contains the public development key, which is allowed only with DEBUG=on. "
            'Generate your own: python -c "import secrets; print(secrets.token_urlsafe(64))".'
        )


def secret(name: str) -> str:
    """Return a secret from the environment, which is optional only with DEBUG."""
    value: str = env.str(name, default=DEVELOPMENT_KEY if DEBUG else "")
    ensure_private(name, value)
    if len(value) < MIN_SECRET_LENGTH:
        raise ImproperlyConfigured(
            f"{name} must be set to at least 32 random characters, "
            'such as from: python -c "import secrets; print(secrets.token_urlsafe(64))". '
            "For a trial, set DEBUG=on instead (see .env.example)."
        )
    return value


def key_ring() -> KeyRing:
    """Return the keys of JWT_KEYS, or JWT_SIGNING_KEY as the only key."""
    text = env.str("JWT_KEYS", default="")
    if not text:
        return KeyRing.from_secret(secret("JWT_SIGNING_KEY"))
    try:
        ring = KeyRing.read(text)
    except InvalidKeyRing as error:
        raise ImproperlyConfigured(
            f"JWT_KEYS cannot be used: {error}. "
            "`manage.py rotate_signing_key` prints a valid value."
        ) from None
    ensure_private("JWT_KEYS", *(key.secret for key in ring.keys))
    return ring


def peppers() -> dict[int, str]:
    """Return the secrets of PASSWORD_PEPPERS by version; empty if peppers are not used."""
    text = env.str("PASSWORD_PEPPERS", default="")
    try:
        secrets = parse_peppers(text) if text else {}
    except InvalidPeppers as error:
        raise ImproperlyConfigured(f"PASSWORD_PEPPERS cannot be used: {error}.") from None
    ensure_private("PASSWORD_PEPPERS", *secrets.values())
    return secrets


# --- Security -------------------------------------------------------------------------------

SECRET_KEY = secret("SECRET_KEY")
# Former keys: they still decrypt and verify, but no longer encrypt and sign.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ensure_private("SECRET_KEY_FALLBACKS", *SECRET_KEY_FALLBACKS)
JWT_KEYS = key_ring()
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1"] if DEBUG else [])
# Each tenant has a host name below it, which selects the tenant at log-in.
POS_BASE_DOMAIN = env.str("POS_BASE_DOMAIN", default="").lower()
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Origins whose browser programs may call the API, such as https://pos.example. They send access
# tokens in a header; cookies never count.
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    *("accept", "authorization", "content-type", "idempotency-key", "if-match", "if-none-match"),
    *("x-request-id", "x-tenant-id", "x-terminal-token"),
]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "Retry-After", "X-Request-ID"]
# The number of proxies that add to X-Forwarded-For; 0 uses the address of the connection.
NUM_PROXIES = env.int("NUM_PROXIES", default=0)
if NUM_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Till is always at the root of its host: neither server nor headers may set a path prefix.
FORCE_SCRIPT_NAME = ""

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_HSTS_SECONDS = 0 if DEBUG else env.int("SECURE_HSTS_SECONDS", default=31_536_000)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_NAME = "till_session" if DEBUG else "__Host-till_session"
CSRF_COOKIE_NAME = "till_csrf" if DEBUG else "__Host-till_csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.problems.csrf_failure"
SESSION_COOKIE_AGE = 12 * 3600
# Messages are stored in the session instead of a further cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

# --- Applications ---------------------------------------------------------------------------

INSTALLED_APPS = [
    "tenants",
    "accounts",
    "orders",
    "config.apps.PlatformAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "corsheaders",
]

MIDDLEWARE = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.AccessLogMiddleware",
    # Outside of what refuses requests, because a browser shows no answer without its headers.
    "config.middleware.OriginsMiddleware",
    "config.middleware.BodyLengthMiddleware",
    "config.middleware.ProblemsWhileDebuggingMiddleware",
    "config.middleware.NoStoreMiddleware",
    "config.compression.CompressionMiddleware",
    # Answers requests to the API. What follows is for pages only.
    "config.middleware.ApiMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.OrderedPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.admin_site.middleware.AdminSessionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The threads of a server process (config/gunicorn.py); at most a quarter of them waits for a
# payment.
WEB_THREADS = env.int("WEB_THREADS", default=4)

# --- Data -----------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{BASE_DIR / 'till.sqlite3'}")}
IS_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    DATABASES["default"] |= {"ENGINE": "tenants.database.sqlite", "OPTIONS": SQLITE_OPTIONS}
else:
    # The role that owns the tables, for `migrate`. Till serves as a role with fewer privileges.
    OWNER = env.db("MIGRATE_DATABASE_URL") if env.str("MIGRATE_DATABASE_URL", "") else None
    DATABASES["default"] = postgresql(
        DATABASES["default"], OWNER, kept=env.int("CONN_MAX_AGE", default=60)
    )
# Frequent requests are answered with prepared statements before Django; "off" disables this.
FAST_PATHS = env.bool("FAST_PATHS", default=True)
# Processes of the web server, which share the cores for password hashes. It sets this itself.
WEB_CONCURRENCY = env.int("WEB_CONCURRENCY", default=1)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def redis_cache(url: str) -> dict[str, Any]:
    """Return the shared cache. Its timeouts are short, because Till also works without it."""
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": url,
        "KEY_PREFIX": "till",
        "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 0.25, "SOCKET_TIMEOUT": 0.25},
    }


REDIS_URL = env.str("REDIS_URL", default="")
CACHES = {
    "default": redis_cache(REDIS_URL)
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "till"}
}

# --- Users ----------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.TenantBackend"]
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # usernames are unique within a tenant, which the backend takes into account
    # The default of `day_starts_at` is 00:00. Within seconds of midnight, Django mistakes it for
    # the current time, set once at import.
    "fields.W161",
    *env.list("SILENCED_SYSTEM_CHECKS", default=[]),
]
PASSWORD_PEPPERS = peppers()
PASSWORD_HASHERS = [
    *(["accounts.security.hashers.PepperedArgon2PasswordHasher"] if PASSWORD_PEPPERS else []),
    "accounts.security.hashers.LeanArgon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "accounts.security.validators.LengthByRoleValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.security.validators.ContextWordsValidator"},
]
# The token of GET /metrics; without one there is no such page.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
if METRICS_TOKEN and len(METRICS_TOKEN) < MIN_SECRET_LENGTH:
    raise ImproperlyConfigured(
        f"METRICS_TOKEN is too short. Use at least {MIN_SECRET_LENGTH} random characters."
    )
# Who may read the OpenAPI document and the Swagger page.
API_DOCS = env.str("API_DOCS", default="public" if DEBUG else "staff")
if API_DOCS not in {"public", "staff", "off"}:
    raise ImproperlyConfigured("API_DOCS must be public, staff or off.")
SIGNUP_ENABLED = env.bool("SIGNUP_ENABLED", default=False)
ACCESS_TOKEN_LIFETIME = timedelta(minutes=env.int("ACCESS_TOKEN_MINUTES", default=10))
SESSION_IDLE_LIFETIME = timedelta(hours=env.int("SESSION_IDLE_HOURS", default=8))
SESSION_LIFETIME = timedelta(hours=env.int("SESSION_HOURS", default=12))
PIN_IDLE_LIFETIME = timedelta(minutes=env.int("PIN_IDLE_MINUTES", default=15))
# How long a terminal may repeat a refresh whose response was lost.
REFRESH_GRACE = timedelta(seconds=10)

SIMPLE_JWT: dict[str, Any] = {
    # Tokens are signed with JWT_KEYS, never with the key of the library.
    "SIGNING_KEY": "",
    "ISSUER": "till",
    "LEEWAY": 5,
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "UPDATE_LAST_LOGIN": False,
}

# --- Payments -------------------------------------------------------------------------------

PAYMENT_GATEWAY = env.str("PAYMENT_GATEWAY", default="orders.gateways.simulated.SimulatedGateway")
# Whether the simulated gateway may capture card payments, without moving money. Off unless it was
# chosen, because a shop would give goods away for nothing.
PAYMENT_SIMULATOR = env.bool("PAYMENT_SIMULATOR", default=False)
# Another server for tests only: it receives the keys of every account.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="https://api.stripe.com")
PAYMENT_GATEWAY_TIMEOUT = env.float("PAYMENT_GATEWAY_TIMEOUT", default=10.0)

# --- Relay: subscribers and background jobs -------------------------------------------------

OUTBOX_SUBSCRIBERS = [
    "orders.notifications.SalesLog",
    "orders.notifications.LowStockMail",
    "orders.services.documents.email.ReceiptMail",
    "orders.notifications.WebhookDisabledMail",
    "tenants.events.webhooks.subscriber.Webhooks",
]
RELAY_JOBS = [
    "orders.services.reconciliation.PaymentReconciliation",
    "orders.services.reconciliation.PayoutReconciliation",
    "orders.services.reports.summary.SalesSummaryExtension",
    "orders.services.reconciliation.LateCaptureReturn",
    "tenants.events.change_feed.PositionAssignment",
]
# The retention of the change feed and of dispatched events.
CHANGES_KEPT = timedelta(days=env.int("CHANGES_KEPT_DAYS", default=30))
# For development: webhooks with http, any port and private addresses. With it, users who can add
# a webhook can reach every host that the relay reaches.
WEBHOOKS_TO_PRIVATE_ADDRESSES = env.bool("WEBHOOKS_TO_PRIVATE_ADDRESSES", default=False)

# --- API ------------------------------------------------------------------------------------

API_MAX_BODY_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ServiceKeyAuthentication",
        "accounts.authentication.SessionTokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.IsStaff"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": ["tenants.api.filters.StrictFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.InputSchema",
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "LIST_SERIALIZER_ERRORS_AS_DICT": True,
    "NUM_PROXIES": NUM_PROXIES,
    "URL_FORMAT_OVERRIDE": None,
    # The metadata of OPTIONS is replaced by the OpenAPI document.
    "DEFAULT_METADATA_CLASS": None,
    "UNICODE_JSON": True,
    "COERCE_DECIMAL_TO_STRING": True,
}

# --- Mail, language, static files, logs -----------------------------------------------------

MAIL = env.email("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
# Whether the mail server supports a non-ASCII local part of addresses (RFC 6531).
EMAIL_SMTPUTF8 = env.bool("EMAIL_SMTPUTF8", default=False)
if EMAIL_SMTPUTF8 and MAIL["EMAIL_BACKEND"].endswith("smtp.EmailBackend"):
    MAIL["EMAIL_BACKEND"] = "config.mail.EmailBackend"
vars().update(MAIL)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="till@localhost")
# For each step of an SMTP session; all steps together stay below the lease of the relay.
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / ".static"
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.static_files.HashedStaticFiles"
    },
}

LOGGING = logging_config(debug=DEBUG, level=env.str("LOG_LEVEL", default="INFO"))
