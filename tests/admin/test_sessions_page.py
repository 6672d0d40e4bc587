"""Where people are logged in: one's own and those whom one may manage."""

import re

import pytest

from accounts.models import AuthSession
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.admin_browser import is_in, log_ins_of, row_values

LOG_INS = "/admin/accounts/authsession/"


@pytest.fixture
def everybodys(admin, manager, cashier, foreign):
    """One log-in of each, besides those of the browsers."""
    people = {"admin": admin, "manager": manager, "cashier": cashier, "foreign": foreign.cashier}
    return {name: AuthSessionFactory(user=user, user_agent=name) for name, user in people.items()}


def devices(browser, **query):
    body = browser.get(LOG_INS, query).content.decode()
    return set(re.findall(r">(admin|manager|cashier|foreign|Browser)</a>", body))


def end(browser, *log_ins):
    posted = {"action": "end", "_selected_action": [log_in.pk for log_in in log_ins]}
    return browser.post(LOG_INS, posted, follow=True).content.decode()


def live():
    return {row["user_agent"] for row in row_values(AuthSession)["AuthSession"] if not ended(row)}


def ended(row):
    return row["revoked_at"] is not None


def test_a_manager_sees_the_own_and_those_of_cashiers(office, everybodys):
    assert devices(office) == {"manager", "cashier", "Browser"}


def test_an_admin_sees_all_of_the_shop(head_office, everybodys):
    assert devices(head_office) == {"admin", "manager", "cashier", "Browser"}


def test_of_a_log_in_no_secret_is_shown(office, everybodys):
    body = office.get(f"{LOG_INS}{everybodys['cashier'].pk}/change/").content.decode()

    assert "cashier" in body
    assert "jti" not in body
    assert str(everybodys["cashier"].current_jti) not in body


def test_chosen_log_ins_end_at_once(office, everybodys, cashier, client_of, problem, shop):
    till = client_of(cashier, everybodys["cashier"])
    assert till.get("auth/me/").status_code == 200

    assert "has ended" in end(office, everybodys["cashier"])

    problem(till.get("auth/me/"), 401, "token_not_valid")
    (log_in,) = log_ins_of(cashier)
    assert log_in.revoke_reason == AuthSession.Ended.BY_STAFF
    with tenant_scope(shop):
        assert AuditEvent.objects.get(event="session_ended").target == log_in.pk
    assert devices(office) == {"manager", "Browser"}
    assert devices(office, state="ended") == {"cashier"}
    assert devices(office, state="any") == {"manager", "cashier", "Browser"}


def test_ones_own_may_be_the_one_at_this_browser(office, manager, everybodys):
    (browsers,) = [each for each in log_ins_of(manager) if each.user_agent == "Browser"]

    end(office, browsers)

    assert not is_in(office)
    (after,) = [each for each in log_ins_of(manager) if each.user_agent == "Browser"]
    assert after.revoke_reason == AuthSession.Ended.REVOKED


@pytest.mark.parametrize("whose", ["admin", "foreign"])
def test_those_of_others_are_not_touched(whose, office, everybodys):
    end(office, everybodys[whose])

    assert whose in live()


def test_what_has_ended_meanwhile_is_told(office, everybodys, shop):
    log_in = everybodys["cashier"]
    with tenant_scope(shop):
        AuthSession.objects.filter(pk=log_in.pk).end(AuthSession.Ended.LOGOUT)
    posted = {"action": "end", "_selected_action": [log_in.pk]}

    page = office.post(f"{LOG_INS}?state=any", posted, follow=True).content.decode()

    assert "Not found." in page
    assert log_ins_of(log_in.user)[0].revoke_reason == AuthSession.Ended.LOGOUT
