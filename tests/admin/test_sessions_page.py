"""The sessions page: own sessions and those of users that the role may manage."""

import re

import pytest

from accounts.models import AuthSession
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.admin_browser import is_logged_in, list_sessions, snapshot_database

LOG_INS = "/admin/accounts/authsession/"


@pytest.fixture
def sessions_by_role(admin, manager, cashier, foreign):
    """Create one session of each user, besides those of the browsers."""
    people = {"admin": admin, "manager": manager, "cashier": cashier, "foreign": foreign.cashier}
    return {name: AuthSessionFactory(user=user, user_agent=name) for name, user in people.items()}


def list_devices(browser, **query):
    body = browser.get(LOG_INS, query).content.decode()
    return set(re.findall(r">(admin|manager|cashier|foreign|Browser)</a>", body))


def end_sessions(browser, *log_ins):
    posted = {"action": "end", "_selected_action": [log_in.pk for log_in in log_ins]}
    return browser.post(LOG_INS, posted, follow=True).content.decode()


def list_live_devices():
    return {
        row["user_agent"]
        for row in snapshot_database(AuthSession)["AuthSession"]
        if not is_ended(row)
    }


def is_ended(row):
    return row["revoked_at"] is not None


def test_manager_sees_own_sessions_and_those_of_cashiers(managers_browser, sessions_by_role):
    assert list_devices(managers_browser) == {"manager", "cashier", "Browser"}


def test_admin_sees_all_sessions_of_the_shop(admins_browser, sessions_by_role):
    assert list_devices(admins_browser) == {"admin", "manager", "cashier", "Browser"}


def test_session_page_shows_no_secrets(managers_browser, sessions_by_role):
    body = managers_browser.get(
        f"{LOG_INS}{sessions_by_role['cashier'].pk}/change/"
    ).content.decode()

    assert "cashier" in body
    assert "jti" not in body
    assert str(sessions_by_role["cashier"].current_jti) not in body


def test_selected_sessions_end_immediately(
    managers_browser, sessions_by_role, cashier, client_of, problem, shop
):
    till = client_of(cashier, sessions_by_role["cashier"])
    assert till.get("auth/me/").status_code == 200

    assert "was ended" in end_sessions(managers_browser, sessions_by_role["cashier"])

    problem(till.get("auth/me/"), 401, "token_not_valid")
    (log_in,) = list_sessions(cashier)
    assert log_in.revoke_reason == AuthSession.EndReason.BY_STAFF
    with tenant_scope(shop):
        assert AuditEvent.objects.get(event="session_ended").target == log_in.pk
    assert list_devices(managers_browser) == {"manager", "Browser"}
    assert list_devices(managers_browser, state="ended") == {"cashier"}
    assert list_devices(managers_browser, state="any") == {"manager", "cashier", "Browser"}


def test_current_browser_session_can_be_ended(managers_browser, manager, sessions_by_role):
    (browsers,) = [each for each in list_sessions(manager) if each.user_agent == "Browser"]

    end_sessions(managers_browser, browsers)

    assert not is_logged_in(managers_browser)
    (after,) = [each for each in list_sessions(manager) if each.user_agent == "Browser"]
    assert after.revoke_reason == AuthSession.EndReason.REVOKED


@pytest.mark.parametrize("whose", ["admin", "foreign"])
def test_sessions_of_other_users_cannot_be_ended(whose, managers_browser, sessions_by_role):
    end_sessions(managers_browser, sessions_by_role[whose])

    assert whose in list_live_devices()


def test_ending_an_ended_session_shows_an_error(managers_browser, sessions_by_role, shop):
    log_in = sessions_by_role["cashier"]
    with tenant_scope(shop):
        AuthSession.objects.filter(pk=log_in.pk).end(AuthSession.EndReason.LOGOUT)
    posted = {"action": "end", "_selected_action": [log_in.pk]}

    page = managers_browser.post(f"{LOG_INS}?state=any", posted, follow=True).content.decode()

    assert "Not found." in page
    assert list_sessions(log_in.user)[0].revoke_reason == AuthSession.EndReason.LOGOUT
