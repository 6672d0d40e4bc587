"""Query plans of log-ins of users with many sessions."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuthSession
from accounts.services.login_attempts import is_known_address
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.query_plans import MINUTES, analyze, multiply_rows, nodes, walk

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

SESSIONS = "accounts_authsession"


@pytest.fixture
def _many_sessions(shop, cashier, foreign):
    """Create many sessions of two users, each from another address."""
    for user in (cashier, foreign.cashier, *UserFactory.create_batch(5, tenant=shop)):
        session = AuthSessionFactory(user=user, ip="192.0.2.1")
        times = 10_000 if user in {cashier, foreign.cashier} else 10
        address = "inet '10.0.0.0' + n"
        multiply_rows(session, times=times, created_at=MINUTES, ip=address)
    analyze(AuthSession)


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.usefixtures("_many_sessions")
def test_lookup_of_a_known_address_uses_its_index(shop, cashier, mode):
    with CaptureQueriesContext(connection) as queries:
        assert is_known_address(shop, cashier.username, "192.0.2.1")
    (sql,) = (each["sql"] for each in queries if SESSIONS in each["sql"])
    for number, value in enumerate(["'192.0.2.1'", f"'{cashier.username}'"], start=1):
        assert value in sql
        sql = sql.replace(value, f"${number}")

    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL plan_cache_mode = {mode}")
        cursor.execute(f"PREPARE known_{mode} (inet, text) AS {sql}")
        cursor.execute(
            f"EXPLAIN (FORMAT JSON) EXECUTE known_{mode} ('192.0.2.1', '{cashier.username}')"
        )
        answer = cursor.fetchone()[0]
    plan = json.loads(answer) if isinstance(answer, str) else answer

    assert walk(list(nodes(plan[0]["Plan"])), SESSIONS) == {"session_of_user_address"}
