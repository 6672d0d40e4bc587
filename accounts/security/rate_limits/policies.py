"""Rate-limit policies of log-in, PINs, sign-up, tokens and e-mail.

Figures after Keycloak's temporary lockout and allauth's rates. Waits are at most 15 minutes, so
that nobody can lock another user out for long. After 100 consecutive failures (NIST SP 800-63B-4)
unknown addresses are rejected for the rest of 30 days.
"""

import ipaddress
import uuid
from datetime import datetime

from accounts.models import AuthSession, User, build_username_key
from accounts.security.rate_limits.limiter import Backoff, Bucket, Window

HOUR = 3600.0
DAY = 24 * HOUR
QUARTER_HOUR = 15 * 60.0
HALF_DAY = 12 * 3600.0
MONTH = 30 * 24 * 3600.0

LOG_IN_OF_USER = Backoff("log_in_user", free_attempts=5, max_wait=QUARTER_HOUR, lifetime=HALF_DAY)
FAILURES_OF_STRANGERS = Window("log_in_hundred", limit=100, seconds=MONTH)
LOG_IN_FROM_ADDRESS = Window("log_in_address", limit=30, seconds=60)
FAILURES_FROM_ADDRESS = Window("log_in_failures", limit=10, seconds=60)
LOG_IN_TO_TENANT = Window("log_in_tenant", limit=300, seconds=60)
LOG_IN_AT_TERMINAL = Window("log_in_terminal", limit=30, seconds=60)
# All users together: limits guessing with a stolen terminal token to 80 an hour.
FAILURES_AT_TERMINAL = Window("log_in_terminal_failures", limit=20, seconds=QUARTER_HOUR)
REFRESH_OF_SESSION = Window("refresh", limit=60, seconds=60)
OWN_PASSWORD = Window("own_password", limit=5, seconds=60)
# Ten guesses a day at six digits succeed with a probability of 1 in 100,000.
PIN_AT_TERMINAL = Window("pin_terminal_user", limit=5, seconds=DAY)
PIN_OF_USER = Window("pin_user", limit=10, seconds=DAY)
PIN_ATTEMPTS_AT_TERMINAL = Window("pin_terminal", limit=20, seconds=HOUR)
SIGNUP_FROM_ADDRESS = Window("signup", limit=20, seconds=3600)
DENIED_ACCESS_RECORDED = Window("refusals", limit=30, seconds=60)
# Ten guesses at one of a thousand valid codes succeed with a probability of 1 in 2.5 million.
PAIRING_CODE_FROM_ADDRESS = Window("pairing_code", limit=10, seconds=QUARTER_HOUR)
# A store-credit code is a bearer secret; only wrong codes are counted.
STORE_CREDIT_CODE_HERE = Window("store_credit_code_here", limit=10, seconds=HOUR)
STORE_CREDIT_CODE_OF_USER = Window("store_credit_code_user", limit=20, seconds=HOUR)
STORE_CREDIT_CODES_AT_PLACE = Window("store_credit_code_place", limit=30, seconds=HOUR)
# Prevents abuse for sending mail to arbitrary addresses.
RECEIPT_MAIL_OF_SESSION = Window("receipt_mail", limit=20, seconds=60)
RECEIPT_MAIL_OF_TENANT = Window("receipt_mail_tenant", limit=1000, seconds=3600)
SERVICE_KEY = Window("service_key", limit=600, seconds=60)
# By those who may not list customers: enough for a busy counter, too few to copy them all.
CUSTOMER_SEARCH_OF_USER = Window("customer_search", limit=30, seconds=60)
CUSTOMER_SEARCH_OF_USER_PER_HOUR = Window("customer_search_hour", limit=300, seconds=HOUR)


def normalize_to_network(ip: str | None) -> str:
    """Return the IPv4 address, or the /64 network of an IPv6 address."""
    try:
        address = ipaddress.ip_address((ip or "").partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def bucket_for_user(
    tenant: str, username: str, *, known_at: str | None = None, terminal: uuid.UUID | None = None
) -> Bucket:
    """Return the bucket of failures of one user. Known addresses and terminals count apart, so
    that attackers elsewhere do not lock the user out there."""
    place = terminal.hex if terminal else normalize_to_network(known_at) if known_at else ""
    return Bucket(LOG_IN_OF_USER, (tenant, build_username_key(username), place))


def bucket_for_strangers(tenant: str, username: str) -> Bucket:
    """Return the bucket of failures of one user from unknown addresses."""
    return Bucket(FAILURES_OF_STRANGERS, (tenant, build_username_key(username)))


def buckets_for_user(
    tenant: str, username: str, ip: str | None, terminal: uuid.UUID | None, *, is_known: bool
) -> list[Bucket]:
    """Return the buckets of failures of one user at a terminal, a known address or elsewhere."""
    if terminal is not None:
        return [bucket_for_user(tenant, username, terminal=terminal)]
    if is_known:
        return [bucket_for_user(tenant, username, known_at=ip)]
    return [bucket_for_user(tenant, username), bucket_for_strangers(tenant, username)]


def bucket_for_tenant(tenant: str) -> Bucket:
    return Bucket(LOG_IN_TO_TENANT, (tenant,))


def bucket_for_address(ip: str | None) -> Bucket:
    return Bucket(LOG_IN_FROM_ADDRESS, (normalize_to_network(ip),))


def bucket_for_address_failures(ip: str | None) -> Bucket:
    return Bucket(FAILURES_FROM_ADDRESS, (normalize_to_network(ip),))


def buckets_for_location(
    tenant: str, ip: str | None, terminal: uuid.UUID | None
) -> tuple[list[Bucket], Bucket]:
    """Return the buckets of all log-ins at a location, and the bucket of its failures.

    A paired terminal has its own buckets, independent of its address and tenant.
    """
    if terminal is not None:
        tries = [Bucket(LOG_IN_AT_TERMINAL, (terminal.hex,))]
        return tries, Bucket(FAILURES_AT_TERMINAL, (terminal.hex,))
    return [bucket_for_tenant(tenant), bucket_for_address(ip)], bucket_for_address_failures(ip)


def bucket_for_sign_up(ip: str | None) -> Bucket:
    return Bucket(SIGNUP_FROM_ADDRESS, (normalize_to_network(ip),))


def bucket_for_pairing_code(ip: str | None) -> Bucket:
    return Bucket(PAIRING_CODE_FROM_ADDRESS, (normalize_to_network(ip),))


def bucket_for_refresh(session: uuid.UUID) -> Bucket:
    return Bucket(REFRESH_OF_SESSION, (session.hex,))


def buckets_for_pin(
    terminal: uuid.UUID, user: uuid.UUID, opened_at: datetime | None
) -> tuple[Bucket, Bucket, Bucket]:
    """Return the PIN buckets of this user here, of this user anywhere, and of all users here.

    A password log-in or a new PIN resets those of the user.
    """
    since = opened_at.isoformat() if opened_at else ""
    return (
        Bucket(PIN_AT_TERMINAL, (terminal.hex, user.hex, since)),
        Bucket(PIN_OF_USER, (user.hex, since)),
        Bucket(PIN_ATTEMPTS_AT_TERMINAL, (terminal.hex,)),
    )


def bucket_for_own_password(user: uuid.UUID) -> Bucket:
    """Return the bucket of password changes of a user."""
    return Bucket(OWN_PASSWORD, (user.hex,))


def bucket_for_denied_access(session: uuid.UUID) -> Bucket:
    """Return the bucket that limits audit events of denied access."""
    return Bucket(DENIED_ACCESS_RECORDED, (session.hex,))


def buckets_for_store_credit_code(user: User, place: str | None) -> tuple[Bucket, Bucket, Bucket]:
    """Return the buckets of wrong codes: of this user here, anywhere, and of all users here.

    `place` is the paired register, or else the address from which the request comes.
    """
    tenant, here = str(user.tenant_id), place or normalize_to_network(None)
    return (
        Bucket(STORE_CREDIT_CODE_HERE, (tenant, user.pk.hex, here)),
        Bucket(STORE_CREDIT_CODE_OF_USER, (tenant, user.pk.hex)),
        Bucket(STORE_CREDIT_CODES_AT_PLACE, (tenant, here)),
    )


def buckets_for_receipt_mail(session: AuthSession) -> list[Bucket]:
    return [
        Bucket(RECEIPT_MAIL_OF_SESSION, (session.pk.hex,)),
        Bucket(RECEIPT_MAIL_OF_TENANT, (str(session.tenant_id),)),
    ]


def buckets_for_customer_search(session: AuthSession) -> list[Bucket]:
    """Return the buckets of look-ups of customers by a user, in all sessions together."""
    user = session.user_id.hex
    return [
        Bucket(CUSTOMER_SEARCH_OF_USER, (user,)),
        Bucket(CUSTOMER_SEARCH_OF_USER_PER_HOUR, (user,)),
    ]


def bucket_for_service_key(key: uuid.UUID) -> Bucket:
    """Return the bucket of all requests of a service key."""
    return Bucket(SERVICE_KEY, (key.hex,))
