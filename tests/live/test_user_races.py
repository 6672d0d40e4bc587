"""Invariants of users and log-ins with many concurrent requests at a real server."""

import pytest

from accounts.models import User
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.api import Api
from tests.support.live.http_client import connect_to_server
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.token_refresh import REFRESH, reload_session
from tests.support.users import LOG_IN, build_credentials

pytestmark = [
    pytest.mark.live,
    pytest.mark.race,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


def test_refresh_065_concurrent_refreshes_of_a_token_have_one_successor(server, cashier, client_of):
    person = client_of(cashier)
    anonymous = connect_to_server(server, Api())

    answers = run_times(20, lambda: anonymous.post(REFRESH, {"refresh": person.tokens.refresh}))

    assert statuses(answers) == {200: 20}
    assert len({each.json()["refresh"] for each in answers}) == 1
    session = reload_session(person.session)
    assert session.previous_jti == person.session.current_jti
    assert session.revoked_at is None


def test_last_admin_080_concurrent_demotions_leave_one_admin(server, shop, client_of):
    for _ in range(5):
        pair = [
            connect_to_server(server, client_of(UserFactory(tenant=shop, admin=True)))
            for _ in range(2)
        ]

        def demote(actor, target):
            return actor.put(f"users/{target.user.pk}/role/", {"role": "cashier"}, If_Match="*")

        answers = run_concurrently(
            [
                lambda actor=actor, target=target: demote(actor, target)
                for actor, target in (pair, pair[::-1])
            ]
        )

        assert statuses(answers)[200] == 1
        assert set(statuses(answers)) <= {200, 401, 403}
        with tenant_scope(shop):
            assert User.objects.active().admins().count() == 1
            User.objects.update(is_active=False)


def test_limiter_019_concurrent_wrong_guesses_are_limited_to_five(server, cashier):
    anonymous = connect_to_server(server, Api())

    answers = run_concurrently(
        [
            lambda n=n: anonymous.post(
                LOG_IN, build_credentials(password=f"wrong {n}"), X_Forwarded_For=f"198.51.100.{n}"
            )
            for n in range(20)
        ]
    )

    assert statuses(answers) == {401: 5, 429: 15}
    assert all(int(each["Retry-After"]) >= 1 for each in answers if each.status_code == 429)


def test_usernames_083_concurrent_users_of_one_name_create_one(server, admin, client_of):
    admin_client = connect_to_server(server, client_of(admin))
    names = ["newcomer", "NewComer"] * 5

    answers = run_concurrently(
        [
            lambda name=name: admin_client.post("users/", {"username": name, "role": "cashier"})
            for name in names
        ]
    )

    assert statuses(answers) == {201: 1, 409: 9}
    with across_tenants():
        assert User.objects.filter(username_key="newcomer").count() == 1
