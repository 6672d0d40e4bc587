"""The user's own profile is answered before Django exactly as by the view."""

import json

import pytest

from accounts.models import AuthSession, Role
from accounts.security.tokens import issue_access
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call
from tests.support.statements import assert_statement_count

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

ME = "/api/v1/auth/me/"


def read(client, **options):
    return json.loads(client.get(ME, **options).body)


@pytest.mark.parametrize("role", [Role.CASHIER, Role.MANAGER, Role.ADMIN])
def test_profile_of_each_role(cashier, role):
    cashier.role, cashier.email, cashier.display_name = role, "ann@example.com", "Ann \u2028 é"
    cashier.save()

    profile = read(BothWays(Person(cashier).tokens.access))

    assert (profile["role"], profile["email"]) == (role, "ann@example.com")


def test_email_is_hidden_in_a_pin_session(cashier):
    cashier.email = "ann@example.com"
    cashier.save()
    session = AuthSessionFactory(user=cashier, method=AuthSession.Method.PIN, current_jti=None)

    assert read(BothWays(issue_access(session)))["email"] is None


def test_changed_profile_is_read_again(cashier):
    client = BothWays(Person(cashier).tokens.access)
    read(client)
    cashier.display_name = "Changed"
    cashier.save()

    assert read(client)["display_name"] == "Changed"


def test_ended_session_is_left_to_the_view_and_refused(cashier):
    person = Person(cashier)
    client = BothWays(person.tokens.access)
    read(client)
    with tenant_scope(cashier.tenant):
        person.session.delete()

    assert client.get(ME, fast=False).status == "401 Unauthorized"


def test_user_who_must_change_the_password_is_left_to_the_view(cashier):
    cashier.must_change_password = True
    cashier.save()

    BothWays(Person(cashier).tokens.access).get(ME, fast=False)


def test_profile_takes_one_message(cashier, messages):
    client = BothWays(Person(cashier).tokens.access)
    call("GET", ME, **client.headers)
    messages.clear()

    with assert_statement_count(0):
        call("GET", ME, **client.headers)

    assert len(messages) == 1
