"""Deleting what nobody will ask for again."""

import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from accounts.limiter import Claim, Window, reserve
from accounts.limits import LOG_IN_OF_USER
from accounts.models import AuthSession, Throttle
from accounts.services import pruning
from tenants.scope import across_tenants
from tests.factories.accounts import AuthSessionFactory

LONG_AGO = timedelta(days=30, seconds=1)
LATELY = timedelta(days=29)


def prune():
    out = io.StringIO()
    call_command("prune", stdout=out)
    return dict(line.split("\t") for line in out.getvalue().splitlines())


def sessions():
    with across_tenants():
        return set(AuthSession.objects.all())


@pytest.mark.django_db
def test_counts_go_when_they_are_forgotten(clock):
    short, long = Window("short", limit=1, seconds=60), LOG_IN_OF_USER
    reserve([Claim(short, ("a",)), Claim(short, ("b",)), Claim(long, ("a",))])
    assert prune() == {"throttles": "0", "sessions": "0", "browsers": "0"}

    clock.shift(60)

    assert prune() == {"throttles": "2", "sessions": "0", "browsers": "0"}
    assert [row.key for row in Throttle.objects.all()] == [Claim(long, ("a",)).key]


@pytest.mark.django_db
def test_rows_that_count_nothing_go_at_once():
    Throttle.objects.create(key="refused")

    assert prune() == {"throttles": "1", "sessions": "0", "browsers": "0"}


@pytest.mark.parametrize("end", ["revoked_at", "expires_at", "idle_expires_at"])
def test_sessions_go_a_month_after_their_end_whichever_it_was(end, clock, cashier, foreign):
    open_one = AuthSessionFactory(user=cashier)
    now = open_one.last_used_at
    kept = AuthSessionFactory(user=cashier, **{end: now - LATELY})
    AuthSessionFactory(user=cashier, **{end: now - LONG_AGO})
    AuthSessionFactory(user=foreign.cashier, **{end: now - LONG_AGO})

    assert prune() == {"throttles": "0", "sessions": "2", "browsers": "0"}
    assert sessions() == {open_one, kept, foreign.session}


def test_whoever_has_nobody_left_logged_in_stays(clock, cashier):
    AuthSessionFactory(user=cashier, revoked_at=cashier.created_at - LONG_AGO)

    prune()

    cashier.refresh_from_db()
    assert cashier.is_active


@pytest.mark.django_db
def test_many_go_some_at_a_time(monkeypatch, statements):
    Throttle.objects.bulk_create([Throttle(key=str(number)) for number in range(10)])
    monkeypatch.setattr(pruning, "CHUNK", 4)

    # Three chunks found and deleted, then nothing found; and no session, of either kind.
    with statements(3 * 2 + 1 + 2):
        assert prune() == {"throttles": "10", "sessions": "0", "browsers": "0"}


@pytest.mark.django_db
def test_browsers_go_when_their_cookies_have_run_out(clock, root):
    for _ in range(2):
        Client().force_login(root)
    assert prune()["browsers"] == "0"

    clock.shift(settings.SESSION_COOKIE_AGE + 1)
    Client().force_login(root)

    assert prune()["browsers"] == "2"
    assert Session.objects.count() == 1
