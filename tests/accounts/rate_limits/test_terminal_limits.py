"""Rate limits of log-ins at a paired terminal, which guesses from elsewhere do not lock."""

import pytest

from accounts.models import Throttle
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api
from tests.support.approvals import decide, log_in_at_register, reload_approval, request_approval
from tests.support.terminals import PairedTerminal, list_terminal_events
from tests.support.users import LOG_IN, build_credentials, count_sessions

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"
MANAGER = {"username": "mgr", "password": PASSWORD}

pytestmark = pytest.mark.usefixtures("cashier", "manager", "clock", "trust_proxy")


@pytest.fixture
def trust_proxy(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


def log_in(api, at=HOME, **changes):
    return api.post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


def guess_times(api, number, at=HOME):
    """Return the statuses of wrong log-ins with as many names."""
    tries = range(number)
    return [log_in(api, at, username=f"person{each}", password="no").status_code for each in tries]


@pytest.fixture
def lock_out(shop, cashier, manager, clock, trust_proxy):
    """Use up the failures of the shop's address and the log-ins of the shop."""
    assert guess_times(Api(), 11) == [401] * 10 + [429]
    for _ in range(policies.LOG_IN_TO_TENANT.limit - 10):
        count_attempt([policies.bucket_for_tenant(str(shop.pk))])
    assert log_in(Api(), ELSEWHERE, username="mgr").status_code == 429


@pytest.mark.usefixtures("lock_out")
class TestGuessesFromElsewhere:
    def test_login_at_a_paired_terminal_succeeds(self, pin_pad):
        assert log_in(pin_pad, username="mgr").status_code == 200
        assert log_in(pin_pad).status_code == 200

    @pytest.mark.parametrize("how", ["approve", "deny"])
    def test_decision_by_password_at_a_terminal_succeeds(self, how, cashier, register):
        till = log_in_at_register(cashier, register)
        approval = request_approval(till)

        answer = decide(till, approval, how, MANAGER, X_Forwarded_For=HOME)

        assert answer.status_code == 200, answer.content
        assert reload_approval(approval).decided_by.username == "mgr"

    def test_reauthentication_at_a_terminal_succeeds(self, cashier, register):
        till = log_in_at_register(cashier, register)

        answer = till.post("auth/reauth/", {"password": PASSWORD}, X_Forwarded_For=HOME)

        assert answer.status_code == 200

    @pytest.mark.parametrize("token", ["", "no token", "0" * 32 + "." + "A" * 43])
    def test_invalid_terminal_token_is_rejected(self, token, problem):
        response = log_in(Api(X_Terminal_Token=token))

        problem(response, 401, "terminal_not_paired")

    def test_session_without_a_terminal_is_rate_limited(self, client_of, cashier, problem):
        client_without_terminal = client_of(cashier)
        approval = request_approval(client_without_terminal)

        answer = decide(client_without_terminal, approval, body=MANAGER, X_Forwarded_For=HOME)

        problem(answer, 429, "too_many_attempts")
        assert reload_approval(approval).decided_by is None


def test_stolen_terminal_token_has_twenty_guesses_in_fifteen_minutes(
    pin_pad, clock, hashes, problem
):
    hashes.restart()
    before = count_sessions()

    assert guess_times(pin_pad, 20) == [401] * 20
    refused = log_in(pin_pad, ELSEWHERE)

    problem(refused, 429, "too_many_attempts")
    assert refused["Retry-After"] == "900"
    assert (hashes.count, count_sessions()) == (20, before)
    (event,) = list_terminal_events("too_many_attempts")
    assert event.facts["limit"] == "log_in_terminal_failures"
    clock.shift(900)
    assert log_in(pin_pad).status_code == 200


def test_approvals_and_logins_at_a_terminal_share_the_twenty_guesses(
    pin_pad, cashier, register, problem
):
    till = log_in_at_register(cashier, register, pin_pad.terminal)
    approval = request_approval(till)
    assert guess_times(pin_pad, 20) == [401] * 20

    answer = decide(till, approval, body=MANAGER, X_Forwarded_For=ELSEWHERE)

    problem(answer, 429, "too_many_attempts")
    assert reload_approval(approval).decided_by is None


def test_locked_terminal_does_not_lock_other_terminals(pin_pad, shop, store, manager):
    neighbor = PairedTerminal(RegisterFactory(tenant=shop, store=store, number=2), manager)

    assert guess_times(pin_pad, 21)[-1] == 429

    assert log_in(neighbor).status_code == 200
    assert log_in(Api()).status_code == 200


def test_successful_logins_at_a_terminal_are_limited_to_thirty_a_minute(pin_pad, problem):
    statuses = [log_in(pin_pad).status_code for _ in range(30)]

    assert statuses == [200] * 30
    problem(log_in(pin_pad), 429, "too_many_attempts")


def test_user_has_five_guesses_at_a_terminal(pin_pad):
    statuses = [log_in(pin_pad, password="no").status_code for _ in range(6)]

    assert statuses == [401] * 5 + [429]


def test_login_at_a_terminal_is_not_counted_for_address_and_shop(pin_pad):
    log_in(pin_pad, password="no")

    assert Throttle.objects.count() == 3
