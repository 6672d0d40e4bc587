"""Delete expired sessions, counters, keys, events and browser sessions."""

import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, Throttle
from accounts.security.rate_limits.limiter import Bucket, Window, count_attempt
from accounts.security.rate_limits.policies import LOG_IN_OF_USER
from accounts.services import pruning
from tenants.models import IdempotencyKey, OutboxDelivery, OutboxEvent
from tenants.scope import across_tenants
from tests.factories.accounts import AuthSessionFactory
from tests.factories.tenants import (
    IdempotencyKeyFactory,
    OutboxDeliveryFactory,
    OutboxEventFactory,
)

LONG_AGO = timedelta(days=30, seconds=1)
RECENTLY = timedelta(days=29)
THREE_DAYS = timedelta(hours=72)


def prune():
    out = io.StringIO()
    call_command("prune", stdout=out)
    lines = dict(line.split("\t") for line in out.getvalue().splitlines())
    return {kind: int(count) for kind, count in lines.items() if count != "0"}


def sessions():
    with across_tenants():
        return set(AuthSession.objects.all())


@pytest.mark.django_db
def test_counters_are_deleted_after_their_lifetime(clock):
    short, long = Window("short", limit=1, seconds=60), LOG_IN_OF_USER
    count_attempt([Bucket(short, ("a",)), Bucket(short, ("b",)), Bucket(long, ("a",))])
    assert prune() == {}

    clock.shift(60)

    assert prune() == {"throttles": 2}
    assert [row.key for row in Throttle.objects.all()] == [Bucket(long, ("a",)).key]


@pytest.mark.django_db
def test_empty_counters_are_deleted_immediately():
    Throttle.objects.create(key="refused")

    assert prune() == {"throttles": 1}


@pytest.mark.parametrize("end", ["revoked_at", "expires_at", "idle_expires_at"])
def test_sessions_are_deleted_a_month_after_their_end(end, clock, cashier, foreign):
    open_one = AuthSessionFactory(user=cashier)
    now = open_one.last_used_at
    kept = AuthSessionFactory(user=cashier, **{end: now - RECENTLY})
    AuthSessionFactory(user=cashier, **{end: now - LONG_AGO})
    AuthSessionFactory(user=foreign.cashier, **{end: now - LONG_AGO})

    assert prune() == {"sessions": 2}
    assert sessions() == {open_one, kept, foreign.session}


def test_idempotency_keys_are_deleted_after_three_days_in_every_shop(clock, cashier, foreign):
    IdempotencyKeyFactory(tenant=cashier.tenant, user=cashier.pk)
    IdempotencyKeyFactory(tenant=foreign.tenant, user=foreign.cashier.pk, status=None)
    clock.shift(THREE_DAYS)
    kept = IdempotencyKeyFactory(tenant=cashier.tenant, user=cashier.pk)
    assert prune() == {}

    clock.shift(1)

    assert prune() == {"keys": 2}
    with across_tenants():
        assert list(IdempotencyKey.objects.all()) == [kept]


def test_events_are_deleted_a_month_after_delivery_and_not_before(clock, shop):
    long_ago = timezone.now() - LONG_AGO
    delivered = OutboxEventFactory(tenant=shop, subject=None, relayed_at=long_ago)
    for status in ("delivered", "dead"):
        OutboxDeliveryFactory(event=delivered, status=status, subscriber=status)
    OutboxEventFactory(subject=None, relayed_at=long_ago)
    waiting = OutboxDeliveryFactory(event__tenant=shop, event__relayed_at=long_ago)
    undelivered = OutboxEventFactory(tenant=shop)
    lately = OutboxEventFactory(tenant=shop, relayed_at=timezone.now() - RECENTLY)

    assert prune() == {"events": 2}

    with across_tenants():
        assert set(OutboxEvent.objects.all()) == {waiting.event, undelivered, lately}
        assert list(OutboxDelivery.objects.all()) == [waiting]


def test_user_without_sessions_is_kept(clock, cashier):
    AuthSessionFactory(user=cashier, revoked_at=cashier.created_at - LONG_AGO)

    prune()

    cashier.refresh_from_db()
    assert cashier.is_active


@pytest.mark.django_db
def test_rows_are_deleted_in_chunks(monkeypatch, statements):
    Throttle.objects.bulk_create([Throttle(key=str(number)) for number in range(10)])
    monkeypatch.setattr(pruning, "CHUNK", 4)

    # One for the change feed; three chunks selected and deleted, then an empty selection; one each
    # for sessions, browser sessions, keys and events.
    with statements(1 + 3 * 2 + 1 + 4):
        assert prune() == {"throttles": 10}


@pytest.mark.django_db
def test_browser_sessions_are_deleted_after_their_cookies_expire(clock, root):
    for _ in range(2):
        Client().force_login(root)
    assert prune() == {}

    clock.shift(settings.SESSION_COOKIE_AGE + 1)
    Client().force_login(root)

    assert prune() == {"browsers": 2}
    assert Session.objects.count() == 1
