"""Fast entries and views accept the same sessions."""

import copy
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AuthSession, Role, User
from accounts.security.tokens import issue_access
from accounts.services import session_check
from accounts.services.session_check import copy_model
from tenants.api.fast_entry import hits
from tenants.models import Tenant
from tenants.scope import across_tenants
from tests.factories.accounts import AuthSessionFactory, TerminalFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PATH = "/api/v1/products/"


@pytest.fixture
def person(cashier):
    return Person(cashier)


@pytest.fixture
def client(person):
    client = BothWays(person.tokens.access)
    client.get(PATH)
    return client


def change(model, pk, **values):
    with across_tenants():
        model.objects.filter(pk=pk).update(**values)


def call_fast(client):
    before = hits.total()
    call("GET", PATH, **client.headers)
    assert hits.total() == before + 1


PAST = timezone.now() - timedelta(days=1)


@pytest.mark.parametrize(
    "values", [{"revoked_at": PAST}, {"expires_at": PAST}, {"idle_expires_at": PAST}]
)
def test_ended_session_is_refused(client, person, values):
    change(AuthSession, person.session.pk, **values)

    assert client.get(PATH, fast=False).status == "401 Unauthorized"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"is_active": False}, "401 Unauthorized"),
        ({"token_version": 2}, "401 Unauthorized"),
        ({"must_change_password": True}, "403 Forbidden"),
    ],
)
def test_user_who_may_not_use_the_api_is_refused(client, person, values, status):
    change(User, person.user.pk, **values)

    assert client.get(PATH, fast=False).status == status


def test_session_of_a_closed_shop_is_refused(client, shop):
    change(Tenant, shop.pk, is_active=False)

    assert client.get(PATH, fast=False).status == "401 Unauthorized"


def test_deleted_session_is_refused(client, person):
    with across_tenants():
        AuthSession.objects.filter(pk=person.session.pk).delete()

    assert client.get(PATH, fast=False).status == "401 Unauthorized"


def test_change_of_the_user_is_effective_immediately(client, person):
    change(User, person.user.pk, role=Role.MANAGER)

    client.get(PATH)

    known = session_check._known_users[person.user.pk]
    assert (known.user.role, known.works_in_all_stores) == (Role.MANAGER, True)


def test_change_of_the_shop_is_effective_immediately(client, shop, person):
    change(Tenant, shop.pk, currency="JPY")

    client.get(PATH)

    assert session_check._known_users[person.user.pk].tenant.currency == "JPY"


def test_token_with_a_session_of_another_shop_is_refused(client, person, foreign):
    forged = copy.copy(person.session)
    forged.pk = foreign.session.pk
    other = BothWays(Person(person.user, forged).tokens.access)

    assert other.get(PATH, fast=False).status == "401 Unauthorized"


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic abc", "Bearer not.a.token-at-all-but-long-enough", "Token a"],
)
def test_invalid_authorization_header_has_no_fast_entry(header, shop):
    client = BothWays()
    client.get(PATH, fast=False, authorization=header)


def test_expired_token_is_refused(client, person):
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert client.get(PATH, fast=False).status == "401 Unauthorized"


def test_last_use_of_a_session_is_recorded_once_a_minute(client, person):
    def used():
        with across_tenants():
            return AuthSession.objects.get(pk=person.session.pk).last_used_at

    before = used()
    call("GET", PATH, **client.headers)
    assert used() == before

    change(AuthSession, person.session.pk, last_used_at=before - timedelta(minutes=2))
    call_fast(client)
    assert used() >= before


def test_pin_session_is_extended_by_use(cashier, register):
    session = AuthSessionFactory(
        user=cashier, terminal=TerminalFactory(register=register), method="pin", current_jti=None
    )
    client = BothWays(issue_access(session))
    client.get(PATH)
    soon = timezone.now() + timedelta(minutes=1)
    change(
        AuthSession,
        session.pk,
        last_used_at=timezone.now() - timedelta(minutes=2),
        idle_expires_at=soon,
    )

    call_fast(client)

    with across_tenants():
        assert AuthSession.objects.get(pk=session.pk).idle_expires_at > soon


def test_change_of_a_copied_user_does_not_affect_the_original(person):
    copied = copy_model(person.user)
    copied.role = Role.ADMIN

    assert person.user.role == Role.CASHIER
    assert copied == person.user
