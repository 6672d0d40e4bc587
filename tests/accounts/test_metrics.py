"""Figures about people and log-ins: counted for the answer, of one's own shop alone."""

from datetime import timedelta

import pytest

from accounts.models import AuthSession
from tenants import audit
from tenants.scope import across_tenants, tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support import redis_server
from tests.support.api import Api
from tests.support.rate_limits import count_in_redis
from tests.support.token_refresh import assert_refresh_refused, refresh_token
from tests.support.users import LOG_IN, build_credentials

PATH = "auth/metrics/"


@pytest.fixture
def admin_client(clock, admin, client_of):
    return client_of(admin)


def figures(admin_client):
    response = admin_client.get(PATH)
    assert response.status_code == 200, response.content
    return response.json()


def guess(count=1, **changes):
    for _ in range(count):
        Api().post(LOG_IN, build_credentials(password="wrong", **changes))


def test_a_new_shop_has_its_admin_and_nothing_else(admin_client):
    assert figures(admin_client) == {
        "at": "2026-03-02T08:00:00Z",
        "users": {
            "cashier": {"active": 0, "inactive": 0},
            "manager": {"active": 0, "inactive": 0},
            "admin": {"active": 1, "inactive": 0},
        },
        "active_sessions": 1,
        "log_ins_24h": {"ok": 0, "failed": 0},
        "locked_now": 0,
        "refresh_reuse": {"last_24h": 0, "total": 0},
        "access_token_seconds": 600,
    }
    ensure_documented(admin_client.get(PATH), "get", "auth-metrics")


def test_people_are_counted_by_role_and_by_whether_they_may_come_in(
    admin_client, shop, cashier, manager
):
    UserFactory(tenant=shop, is_active=False)
    UserFactory(tenant=shop, is_active=False, manager=True)

    assert figures(admin_client)["users"] == {
        "cashier": {"active": 1, "inactive": 1},
        "manager": {"active": 1, "inactive": 1},
        "admin": {"active": 1, "inactive": 0},
    }


def test_only_a_session_that_lets_somebody_in_is_active(admin_client, cashier, shop):
    for change in ({}, {"revoked_at": "2026-03-02T07:00:00Z"}, {"user__is_active": False}):
        AuthSessionFactory(user__tenant=shop, **change)
    idle = AuthSessionFactory(user=cashier)
    with across_tenants():
        AuthSession.objects.filter(pk=idle.pk).update(idle_expires_at=idle.created_at)

    assert figures(admin_client)["active_sessions"] == 2


def test_log_ins_of_the_last_day_are_counted(admin_client, cashier, clock):
    clock.shift(timedelta(hours=-25))
    guess(2)
    clock.shift(timedelta(hours=25))
    guess(3)
    guess(1, username="nobody")
    Api().post(LOG_IN, build_credentials())

    assert figures(admin_client)["log_ins_24h"] == {"ok": 1, "failed": 4}


def test_a_used_refresh_token_is_remembered_for_good(
    admin_client, anonymous, cashier, client_of, clock
):
    till = client_of(cashier)
    refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)
    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert figures(admin_client)["refresh_reuse"] == {"last_24h": 1, "total": 1}
    clock.shift(timedelta(hours=25))
    again = client_of(admin_client.user)
    assert figures(again)["refresh_reuse"] == {"last_24h": 0, "total": 1}


def test_who_has_to_wait_is_counted_until_the_wait_is_over(
    admin_client, cashier, other_cashier, clock
):
    guess(5)
    guess(4, username="c2")

    assert figures(admin_client)["locked_now"] == 1
    clock.shift(2)
    assert figures(admin_client)["locked_now"] == 0


def test_who_waits_at_their_own_till_is_counted_too_and_once(admin_client, cashier, clock):
    guess(5)
    AuthSessionFactory(user=cashier, ip="127.0.0.1")
    guess(5)

    assert figures(admin_client)["locked_now"] == 1


def test_names_that_nobody_has_are_nobody(admin_client, clock):
    guess(6, username="nobody")

    assert figures(admin_client)["locked_now"] == 0


@pytest.mark.redis
def test_the_waits_are_read_where_they_are_kept(
    admin_client, cashier, redis_url, settings, monkeypatch
):
    count_in_redis(redis_url, settings, monkeypatch)
    guess(5)

    assert redis_server.is_available()
    assert figures(admin_client)["locked_now"] == 1


def test_attack_165_another_shop_is_in_no_figure(admin_client, foreign, clock):
    before = figures(admin_client)
    guess(6, tenant=foreign.tenant.slug)
    Api().post(LOG_IN, build_credentials(tenant=foreign.tenant.slug, username="adm"))
    with tenant_scope(foreign.tenant):
        audit.record("refresh_reuse", actor=foreign.cashier)

    assert figures(admin_client) == before


@pytest.mark.parametrize("who", ["manager", "cashier"])
def test_it_is_for_admins(who, client_of, request, problem):
    problem(client_of(request.getfixturevalue(who)).get(PATH), 403, "permission_denied")


@pytest.mark.usefixtures("db")
def test_attack_165_nobody_reads_it_without_a_log_in(problem):
    problem(Api().get(PATH), 401, "not_authenticated")


@pytest.mark.parametrize("count", [1, 30])
def test_it_takes_five_questions_however_many_people_there_are(
    count, admin_client, shop, statements
):
    for _ in range(count):
        AuthSessionFactory(user=UserFactory(tenant=shop))

    with statements(1 + 5):
        figures(admin_client)
