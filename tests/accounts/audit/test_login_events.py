"""Audit events of log-ins, failed attempts, waits and log-outs."""

import pytest

from accounts.models import AuthSession
from tenants.audit import hash_name
from tenants.scope import across_tenants
from tests.accounts.login.test_refusals import (
    empty_hash,
    inactive_tenant,
    inactive_user,
    unknown_tenant,
    unknown_tenant_id,
    unknown_user,
    unusable_password,
    wrong_password,
)
from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.audit import (
    assert_actor,
    assert_target,
    get_audit_event,
    list_audit_events,
    list_audit_names,
)
from tests.support.token_refresh import assert_refresh_refused, refresh_token
from tests.support.users import LOG_IN, build_credentials

REASONS = {
    wrong_password: "wrong_password",
    unknown_user: "unknown_user",
    unknown_tenant: "unknown_tenant",
    unknown_tenant_id: "unknown_tenant",
    inactive_user: "inactive_user",
    inactive_tenant: "inactive_tenant",
    unusable_password: "no_password",
    empty_hash: "wrong_password",
}
WITHOUT_USER = {"unknown_user", "unknown_tenant"}

pytestmark = pytest.mark.usefixtures("cashier")


@pytest.fixture
def till(clock, cashier, client_of):
    return client_of(cashier)


# --- logging in --------------------------------------------------------------------------------


def test_login_records_user_session_and_address(anonymous, cashier):
    anonymous.post(LOG_IN, build_credentials(), X_Request_ID="r-1")

    with across_tenants():
        session = AuthSession.objects.get()
    found = get_audit_event("log_in_ok")
    assert assert_actor(found, cashier)
    assert (found.session, found.ip, found.request_id) == (session.pk, "127.0.0.1", "r-1")
    assert found.facts == {"method": "pwd"}
    assert list_audit_names() == ["log_in_ok"]


@pytest.mark.parametrize("why", REASONS, ids=lambda why: why.__name__)
def test_failed_login_records_its_reason_and_does_not_reveal_it(why, anonymous, shop, cashier):
    body = why(shop, cashier)

    response = anonymous.post(LOG_IN, body, X_Request_ID="r-1")

    found = get_audit_event("log_in_failed")
    assert found.facts == {"reason": REASONS[why]}
    assert (found.session, found.ip, found.request_id) == (None, "127.0.0.1", "r-1")
    assert REASONS[why] not in response.content.decode()
    if REASONS[why] in WITHOUT_USER:
        assert (found.actor, found.actor_name) == (None, hash_name(body["username"]))
    else:
        assert assert_actor(found, cashier)
    assert (found.tenant_id is None) is (REASONS[why] == "unknown_tenant")


def test_password_entered_as_username_is_not_recorded(anonymous):
    anonymous.post(LOG_IN, build_credentials(username=PASSWORD))

    assert PASSWORD not in repr(vars(get_audit_event("log_in_failed")))


@pytest.mark.django_db(transaction=True)
def test_failed_login_is_recorded_despite_the_rollback(anonymous, clock):
    anonymous.post(LOG_IN, build_credentials(password="wrong"))

    assert list_audit_names() == ["log_in_failed"]


# --- waits -------------------------------------------------------------------------------------


def test_wait_is_recorded_once_when_it_starts(anonymous, clock, cashier):
    for _ in range(20):
        anonymous.post(LOG_IN, build_credentials(password="wrong"))

    assert list_audit_names() == ["log_in_failed"] * 5 + ["too_many_attempts"]
    found = get_audit_event("too_many_attempts")
    assert assert_actor(found, cashier)
    assert found.facts == {"limit": "log_in_user", "waits_until": "2026-03-02T08:00:02Z"}


def test_next_longer_wait_is_recorded(anonymous, clock):
    for _ in range(5):
        anonymous.post(LOG_IN, build_credentials(password="wrong"))
    clock.shift(2)
    anonymous.post(LOG_IN, build_credentials(password="wrong"))

    untils = [each.facts["waits_until"] for each in list_audit_events("too_many_attempts")]
    assert untils == ["2026-03-02T08:00:02Z", "2026-03-02T08:00:06Z"]


def test_successful_attempt_starts_no_wait(anonymous, clock):
    for password in ["wrong"] * 4 + [PASSWORD]:
        anonymous.post(LOG_IN, build_credentials(password=password))

    assert list_audit_events("too_many_attempts") == []


def test_address_that_tries_many_usernames_has_one_recorded_wait(anonymous, clock):
    for number in range(15):
        anonymous.post(LOG_IN, build_credentials(username=f"person{number}", password="wrong"))

    found = get_audit_event("too_many_attempts")
    assert found.facts == {"limit": "log_in_failures", "waits_until": "2026-03-02T08:01:00Z"}
    assert (found.actor, found.ip) == (None, "127.0.0.1")


def test_more_than_thirty_logins_from_an_address_start_a_wait(anonymous, clock, cashier):
    for _ in range(31):
        anonymous.post(LOG_IN, build_credentials())

    assert get_audit_event("too_many_attempts").facts["limit"] == "log_in_address"
    assert assert_actor(get_audit_event("too_many_attempts"), cashier)


def test_refreshing_too_often_is_recorded_once(till, anonymous):
    token = till.tokens.refresh
    for _ in range(60):
        token = refresh_token(anonymous, token)["refresh"]
    for _ in range(3):
        anonymous.post("auth/token/refresh/", {"refresh": token})

    found = get_audit_event("too_many_attempts")
    assert assert_actor(found, till.user)
    assert (found.facts["limit"], found.session) == ("refresh", till.session.pk)


# --- refreshing and reauthenticating -----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_attack_063_066_reused_refresh_token_is_recorded_once_with_its_session(
    till, anonymous, clock
):
    refresh_token(anonymous, till.tokens.refresh)
    clock.shift(60)

    assert assert_refresh_refused(anonymous, till.tokens.refresh)

    found = get_audit_event("refresh_reuse")
    assert assert_actor(found, till.user)
    assert found.session == till.session.pk
    assert list_audit_names() == ["refresh_reuse"]
    assert assert_refresh_refused(anonymous, till.tokens.refresh)
    assert list_audit_names() == ["refresh_reuse"], (
        "reuse after the end of the session is not recorded again"
    )


def test_reauthentication_is_recorded(till):
    till.post("auth/reauth/", {"password": "wrong"})
    till.post("auth/reauth/", {"password": PASSWORD})

    failed, ok = list_audit_events()
    assert (failed.event, failed.facts) == ("reauth_failed", {"reason": "wrong_password"})
    assert ok.event == "reauth_ok"
    assert assert_actor(failed, till.user)
    assert assert_actor(ok, till.user)
    assert failed.session == ok.session == till.session.pk


# --- logging out ----------------------------------------------------------------------------------


def test_logout_is_recorded_once(till):
    till.post("auth/logout/")
    till.post("auth/logout/")

    assert assert_actor(get_audit_event("log_out"), till.user)
    assert get_audit_event("log_out").session == till.session.pk


def test_logout_everywhere_records_the_number_of_ended_sessions(till, cashier, client_of):
    client_of(cashier)

    till.post("auth/logout-all/")

    assert assert_actor(get_audit_event("log_out_everywhere"), cashier)
    assert get_audit_event("log_out_everywhere").facts == {"sessions": 2}


def test_ending_an_own_session_records_that_session(till, cashier, client_of):
    other = client_of(cashier).session

    till.delete(f"auth/sessions/{other.pk}/")
    till.delete(f"auth/sessions/{other.pk}/")

    found = get_audit_event("session_ended")
    assert assert_actor(found, cashier)
    assert assert_target(found, other)


# --- sign-ups ----------------------------------------------------------------------------------


def test_too_many_signups_from_one_address_start_a_wait(settings, clock):
    settings.SIGNUP_ENABLED = True
    for number in range(22):
        tenant = {"slug": f"corner-{number}", "name": "Corner Shop", "currency": "EUR"}
        email = f"o{number}@corner.example"
        admin = {"username": "owner", "email": email, "password": PASSWORD}
        Api().post("auth/signup/", {"tenant": tenant, "admin": admin})

    found = get_audit_event("too_many_attempts")
    assert (found.tenant, found.actor, found.ip) == (None, None, "127.0.0.1")
    assert found.facts == {"limit": "signup", "waits_until": "2026-03-02T09:00:00Z"}
