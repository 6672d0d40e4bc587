"""What a log-in reads before the password is checked, with one message to PostgreSQL."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from accounts.models import User, build_username_key
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import (
    Bucket,
    prepare_counters,
    read_counters,
)
from accounts.security.rate_limits.stores import ReadCounters
from tenants.database.bulk_insert import Statement
from tenants.database.compiled_queries import CompiledQuery
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import Call, ConnectionLost, PipelineFailed, Prepared
from tenants.database.prepared_statements import to_call
from tenants.models import Tenant
from tenants.scope import across_tenants

# How long an address counts as known after a log-in from it.
KNOWN_ADDRESS_LIFETIME = timedelta(days=30)
KNOWN_ADDRESS_SQL = (
    "SELECT 1 FROM accounts_authsession s "
    "JOIN accounts_user u ON u.tenant_id = s.tenant_id AND u.id = s.user_id "
    "WHERE s.tenant_id = {tenant} AND u.username_key = %s AND s.ip = %s AND s.created_at >= %s "
    "LIMIT 1"
)
ID_OF_SLUG = "(SELECT id FROM tenants_tenant WHERE slug = %s)"
# Like `pipeline.SCOPE`, for the tenant with the slug $1.
SCOPE_OF_SLUG = Prepared(
    "SELECT set_config('app.tenant', "
    "coalesce((SELECT id::text FROM tenants_tenant WHERE slug = $1), ''), true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)
TENANT_QUERY = CompiledQuery(lambda slug: Tenant.objects.filter(slug=slug))
USER_QUERY = CompiledQuery(
    lambda slug, username_key: User.objects.filter(tenant__slug=slug, username_key=username_key)
)
MAX_KEPT = 5_000
# The id that a slug had last. It selects which counters are read; a wrong one costs a message.
_last_ids: dict[str, uuid.UUID] = {}


@dataclass(frozen=True, slots=True)
class LogInLookup:
    """The rows of a log-in attempt. `counters` is None if they are not in the database."""

    shop: Tenant | None
    user: User | None
    is_known_address: bool
    counters: ReadCounters | None


def find_tenant(name: str) -> Tenant | None:
    """Return the tenant by id or slug, or None."""
    pk = parse_id(name)
    if pk is not None:
        return Tenant.objects.filter(pk=pk).first()
    with across_tenants():
        return TENANT_QUERY.first(slug=name)


def look_up_log_in(
    slug: str, username: str, ip: str | None, terminal: uuid.UUID | None
) -> LogInLookup | None:
    """Read what a log-in needs with one message, or return None to read it step by step."""
    if parse_id(slug) is not None or not pipeline.is_available():
        return None
    try:
        return _look_up(slug, username, ip, terminal)
    except ConnectionLost:
        raise
    except PipelineFailed:
        return None


def parse_id(name: str) -> uuid.UUID | None:
    """Return the id of a tenant that is named by id, or None if it is named by slug."""
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def _look_up(slug: str, username: str, ip: str | None, terminal: uuid.UUID | None) -> LogInLookup:
    key = build_username_key(username)
    expected = _last_ids.get(slug)
    buckets = list_buckets(str(expected or slug), username, ip, terminal)
    shops, users = TENANT_QUERY.prepare(slug=slug), USER_QUERY.prepare(slug=slug, username_key=key)
    _, shop_rows, user_rows, known, *counted = pipeline.send(
        (SCOPE_OF_SLUG, [slug.encode()]),
        shops.call,
        users.call,
        to_call(known_address_statement(slug, key, ip, timezone.now(), named_by=ID_OF_SLUG)),
        *_prepare(buckets),
    )
    shop = next(iter(shops.build_instances(shop_rows)), None)
    user = next(iter(users.build_instances(user_rows)), None)
    if shop is not None and user is not None:
        user.tenant = shop
    if shop is not None and shop.pk != expected:
        if len(_last_ids) >= MAX_KEPT:
            _last_ids.clear()
        _last_ids[slug] = shop.pk
        buckets = list_buckets(str(shop.pk), username, ip, terminal)
        counted = pipeline.send(*_prepare(buckets))
    counters = read_counters(buckets, counted[0]) if counted else None
    return LogInLookup(shop, user, bool(known.rows()), counters)


def _prepare(buckets: Sequence[Bucket]) -> list[Call]:
    call = prepare_counters(buckets)
    return [call] if call else []


def list_buckets(
    subject: str, username: str, ip: str | None, terminal: uuid.UUID | None
) -> list[Bucket]:
    """Return every bucket that may count this attempt, whether or not the address is known."""
    users = [
        bucket
        for is_known in (True, False)
        for bucket in policies.buckets_for_user(subject, username, ip, terminal, is_known=is_known)
    ]
    tries, failures = policies.buckets_for_location(subject, ip, terminal)
    return [*users, policies.bucket_for_strangers(subject, username), *tries, failures]


def known_address_statement(
    tenant: uuid.UUID | str | None,
    username_key: str,
    ip: str | None,
    now: datetime,
    *,
    named_by: str,
) -> Statement:
    """Return the query for a session of this user that began at this address recently.

    `named_by` is the SQL for the id of the tenant, with one parameter.
    """
    since = connection.ops.adapt_datetimefield_value(now - KNOWN_ADDRESS_LIFETIME)
    return KNOWN_ADDRESS_SQL.format(tenant=named_by), [tenant, username_key, ip, since]
