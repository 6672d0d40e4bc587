"""Refresh and PIN log-in on PostgreSQL: few messages, and the same result as step by step."""

import pytest
from django.test import override_settings

from accounts.models import AuthSession, Pin, User
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt, reset_attempts
from accounts.security.rate_limits.stores import LOCK_ROWS, WRITE_ROWS
from tenants.database.postgres.pipeline import SCOPE
from tenants.scope import across_tenants, tenant_context, tenant_scope
from tests.support.api import Api
from tests.support.token_refresh import REFRESH

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


def refresh(token):
    return Api().post(REFRESH, {"refresh": token})


def list_session():
    with across_tenants():
        return AuthSession.objects.values().get()


def test_refresh_takes_three_messages(till, messages, statements):
    with statements(0):
        assert refresh(till.tokens.refresh).status_code == 200

    counted, written, replaced = messages
    assert counted[-1] is LOCK_ROWS
    assert written[0] is WRITE_ROWS
    assert replaced[0] is SCOPE
    assert len(replaced) == 3


@pytest.mark.parametrize("fast", [True, False])
def test_refresh_changes_the_same_columns_both_ways(fast, clock, till):
    before = list_session()
    clock.shift(61)

    with override_settings(FAST_PATHS=fast):
        assert refresh(till.tokens.refresh).status_code == 200

    after = list_session()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {
        *("current_jti", "previous_jti", "rotated_at", "last_used_at", "idle_expires_at")
    }
    assert after["previous_jti"] == before["current_jti"]
    assert after["rotated_at"] == after["last_used_at"]


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize(
    "change",
    [
        lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
        lambda user: AuthSession.objects.update(revoked_at="2026-01-01T00:00:00Z"),
        lambda user: AuthSession.objects.update(expires_at="2026-01-01T00:00:00Z"),
        lambda user: AuthSession.objects.update(idle_expires_at="2026-01-01T00:00:00Z"),
    ],
    ids=["inactive user", "ended", "expired", "idle"],
)
def test_refresh_is_refused_both_ways(fast, change, till, cashier):
    with across_tenants():
        change(cashier)

    with override_settings(FAST_PATHS=fast):
        response = refresh(till.tokens.refresh)

    assert response.status_code == 401
    assert response.json()["code"] == "token_not_valid"


def test_counting_in_the_scope_of_a_tenant_takes_two_messages(shop, messages, statements):
    """A log-in by PIN counts within the scope of its terminal."""
    bucket = policies.bucket_for_tenant(str(shop.pk))

    with statements(0), tenant_context(shop):
        count_attempt([bucket])
        reset_attempts(forget=[bucket])

    assert len(messages) == 4


def test_password_login_reopens_the_pin(shop, cashier):
    with tenant_scope(shop):
        pin = Pin(user=cashier)
        pin.set_digits("271828")
        pin.save()
    body = {"tenant": "green", "username": "c1", "password": "seven green bottles"}

    assert Api().post("auth/token/", body).status_code == 200

    with tenant_scope(shop):
        assert Pin.objects.get(pk=pin.pk).opened_at > pin.opened_at
