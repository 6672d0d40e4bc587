"""Log-ins at a paired terminal: no stranger closes it, and whoever has its token guesses seldom."""

import pytest

from accounts.models import Throttle
from accounts.security.rate_limits import policies
from accounts.security.rate_limits.limiter import count_attempt
from tests.factories.accounts import PASSWORD
from tests.factories.tenants import RegisterFactory
from tests.support.api import Api
from tests.support.approvals import decide, log_in_at_register, reload_approval, request_approval
from tests.support.terminals import PinPad, list_terminal_event_names
from tests.support.users import LOG_IN, build_credentials, snapshot_sessions

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.9"
MANAGER = {"username": "mgr", "password": PASSWORD}

pytestmark = pytest.mark.usefixtures("cashier", "manager", "clock", "trust_proxy")


@pytest.fixture
def trust_proxy(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


def log_in(api, at=HOME, **changes):
    return api.post(LOG_IN, build_credentials(**changes), X_Forwarded_For=at)


def guesses(api, number, at=HOME):
    """Return the statuses of wrong log-ins with as many names."""
    tries = range(number)
    return [log_in(api, at, username=f"person{each}", password="no").status_code for each in tries]


@pytest.fixture
def lock_out(shop, cashier, manager, clock, trust_proxy):
    """The guest network of the shop has used up its failures, and strangers the shop's log-ins."""
    assert guesses(Api(), 11) == [401] * 10 + [429]
    for _ in range(policies.LOG_IN_TO_TENANT.limit - 10):
        count_attempt([policies.bucket_for_tenant(str(shop.pk))])
    assert log_in(Api(), ELSEWHERE, username="mgr").status_code == 429


@pytest.mark.usefixtures("lock_out")
class TestStrangers:
    def test_they_keep_nobody_from_a_paired_terminal(self, pin_pad):
        assert log_in(pin_pad, username="mgr").status_code == 200
        assert log_in(pin_pad).status_code == 200

    @pytest.mark.parametrize("how", ["approve", "deny"])
    def test_they_keep_no_password_from_deciding_there(self, how, cashier, register):
        till = log_in_at_register(cashier, register)
        approval = request_approval(till)

        answer = decide(till, approval, how, MANAGER, X_Forwarded_For=HOME)

        assert answer.status_code == 200, answer.content
        assert reload_approval(approval).decided_by.username == "mgr"

    def test_they_keep_nobody_there_from_showing_a_password_again(self, cashier, register):
        till = log_in_at_register(cashier, register)

        answer = till.post("auth/reauth/", {"password": PASSWORD}, X_Forwarded_For=HOME)

        assert answer.status_code == 200

    @pytest.mark.parametrize("token", ["", "no token", "0" * 32 + "." + "A" * 43])
    def test_only_the_token_of_a_paired_terminal_says_that_it_is_one(self, token, problem):
        response = log_in(Api(X_Terminal_Token=token))

        problem(response, 401, "terminal_not_paired")

    def test_a_session_of_no_terminal_waits_with_its_address(self, client_of, cashier, problem):
        platform_browser = client_of(cashier)
        approval = request_approval(platform_browser)

        answer = decide(platform_browser, approval, body=MANAGER, X_Forwarded_For=HOME)

        problem(answer, 429, "too_many_attempts")
        assert reload_approval(approval).decided_by is None


def test_a_stolen_token_has_twenty_guesses_in_a_quarter_of_an_hour(pin_pad, clock, hashes, problem):
    hashes.restart()
    before = snapshot_sessions()

    assert guesses(pin_pad, 20) == [401] * 20
    refused = log_in(pin_pad, ELSEWHERE)

    problem(refused, 429, "too_many_attempts")
    assert refused["Retry-After"] == "900"
    assert (hashes.count, snapshot_sessions()) == (20, before)
    (event,) = list_terminal_event_names("too_many_attempts")
    assert event.facts["limit"] == "log_in_terminal_failures"
    clock.shift(900)
    assert log_in(pin_pad).status_code == 200


def test_its_guesses_at_the_approvals_of_a_terminal_are_the_same_twenty(
    pin_pad, cashier, register, problem
):
    till = log_in_at_register(cashier, register, pin_pad.terminal)
    approval = request_approval(till)
    assert guesses(pin_pad, 20) == [401] * 20

    answer = decide(till, approval, body=MANAGER, X_Forwarded_For=ELSEWHERE)

    problem(answer, 429, "too_many_attempts")
    assert reload_approval(approval).decided_by is None


def test_they_close_nothing_else(pin_pad, shop, store, manager):
    neighbor = PinPad(RegisterFactory(tenant=shop, store=store, number=2), manager)

    assert guesses(pin_pad, 21)[-1] == 429

    assert log_in(neighbor).status_code == 200
    assert log_in(Api()).status_code == 200


def test_a_log_in_that_succeeds_is_no_failure_and_thirty_a_minute_are_the_end(pin_pad, problem):
    statuses = [log_in(pin_pad).status_code for _ in range(30)]

    assert statuses == [200] * 30
    problem(log_in(pin_pad), 429, "too_many_attempts")


def test_one_person_still_has_five_guesses_there(pin_pad):
    statuses = [log_in(pin_pad, password="no").status_code for _ in range(6)]

    assert statuses == [401] * 5 + [429]


def test_a_log_in_at_a_terminal_counts_under_no_address_and_no_shop(pin_pad):
    log_in(pin_pad, password="no")

    assert Throttle.objects.count() == 3
