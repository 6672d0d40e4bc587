"""Metrics about users and log-ins of the own shop."""

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


def get_metrics(admin_client):
    response = admin_client.get(PATH)
    assert response.status_code == 200, response.content
    return response.json()


def fail_logins(count=1, **changes):
    for _ in range(count):
        Api().post(LOG_IN, build_credentials(password="wrong", **changes))


def test_metrics_of_a_new_shop_count_only_its_admin(admin_client):
    assert get_metrics(admin_client) == {
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


def test_users_are_counted_by_role_and_activation(admin_client, shop, cashier, manager):
    UserFactory(tenant=shop, is_active=False)
    UserFactory(tenant=shop, is_active=False, manager=True)

    assert get_metrics(admin_client)["users"] == {
        "cashier": {"active": 1, "inactive": 1},
        "manager": {"active": 1, "inactive": 1},
        "admin": {"active": 1, "inactive": 0},
    }


def test_active_sessions_exclude_ended_expired_and_inactive_users(admin_client, cashier, shop):
    for change in ({}, {"revoked_at": "2026-03-02T07:00:00Z"}, {"user__is_active": False}):
        AuthSessionFactory(user__tenant=shop, **change)
    idle = AuthSessionFactory(user=cashier)
    with across_tenants():
        AuthSession.objects.filter(pk=idle.pk).update(idle_expires_at=idle.created_at)

    assert get_metrics(admin_client)["active_sessions"] == 2


def test_logins_of_the_last_day_are_counted(admin_client, cashier, clock):
    clock.shift(timedelta(hours=-25))
    fail_logins(2)
    clock.shift(timedelta(hours=25))
    fail_logins(3)
    fail_logins(1, username="nobody")
    Api().post(LOG_IN, build_credentials())

    assert get_metrics(admin_client)["log_ins_24h"] == {"ok": 1, "failed": 4}


def test_refresh_token_reuse_is_counted_for_a_day_and_in_total(
    admin_client, anonymous, cashier, client_of, clock
):
    till = client_of(cashier)
    refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)
    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    assert get_metrics(admin_client)["refresh_reuse"] == {"last_24h": 1, "total": 1}
    clock.shift(timedelta(hours=25))
    again = client_of(admin_client.user)
    assert get_metrics(again)["refresh_reuse"] == {"last_24h": 0, "total": 1}


def test_locked_out_users_are_counted_until_the_wait_ends(
    admin_client, cashier, other_cashier, clock
):
    fail_logins(5)
    fail_logins(4, username="c2")

    assert get_metrics(admin_client)["locked_now"] == 1
    clock.shift(2)
    assert get_metrics(admin_client)["locked_now"] == 0


def test_user_locked_out_at_several_places_is_counted_once(admin_client, cashier, clock):
    fail_logins(5)
    AuthSessionFactory(user=cashier, ip="127.0.0.1")
    fail_logins(5)

    assert get_metrics(admin_client)["locked_now"] == 1


def test_unknown_usernames_are_not_counted_as_locked_out(admin_client, clock):
    fail_logins(6, username="nobody")

    assert get_metrics(admin_client)["locked_now"] == 0


@pytest.mark.redis
def test_waits_are_read_from_redis(admin_client, cashier, redis_url, settings, monkeypatch):
    count_in_redis(redis_url, settings, monkeypatch)
    fail_logins(5)

    assert redis_server.is_available()
    assert get_metrics(admin_client)["locked_now"] == 1


def test_attack_165_metrics_exclude_other_shops(admin_client, foreign, clock):
    before = get_metrics(admin_client)
    fail_logins(6, tenant=foreign.tenant.slug)
    Api().post(LOG_IN, build_credentials(tenant=foreign.tenant.slug, username="adm"))
    with tenant_scope(foreign.tenant):
        audit.record("refresh_reuse", actor=foreign.cashier)

    assert get_metrics(admin_client) == before


@pytest.mark.parametrize("who", ["manager", "cashier"])
def test_metrics_are_for_admins_only(who, client_of, request, problem):
    problem(client_of(request.getfixturevalue(who)).get(PATH), 403, "permission_denied")


@pytest.mark.usefixtures("db")
def test_attack_165_metrics_need_a_login(problem):
    problem(Api().get(PATH), 401, "not_authenticated")


@pytest.mark.parametrize("count", [1, 30])
def test_metrics_take_five_statements_for_any_number_of_users(
    count, admin_client, shop, statements
):
    for _ in range(count):
        AuthSessionFactory(user=UserFactory(tenant=shop))

    with statements(1 + 5):
        get_metrics(admin_client)
