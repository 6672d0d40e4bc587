"""Clock changes of one hour, forward and back: numbers, totals and sessions stay correct."""

import pytest

from orders.models import Order, Receipt
from tenants.scope import tenant_scope
from tests.support.api import Api
from tests.support.live.failpoints import CLOCK
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.shifts import close_shift, fetch_shift_report, open_shift
from tests.support.till import cash, line
from tests.support.users import LOG_IN, build_credentials

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

HOUR = 3600


@pytest.fixture
def till_at(till, server):
    """`till_at(-HOUR)`: the till, at a server whose clock has changed; logs in again if needed."""

    def change_clock(seconds):
        connect_to_server(server, till)
        till.defaults[CLOCK] = str(seconds)
        if till.get("auth/me/").status_code == 401:
            anonymous = connect_to_server(server, Api(**{CLOCK: str(seconds)}))
            answer = anonymous.post(LOG_IN, build_credentials())
            assert answer.status_code == 200, answer
            till.defaults["Authorization"] = f"Bearer {answer.json()['access']}"
        return till

    yield change_clock
    till.defaults[CLOCK] = "0"
    till.get("auth/me/")


@pytest.mark.parametrize("change_clock", [-HOUR, HOUR])
def test_sales_and_shift_are_correct_after_a_clock_change(
    change_clock, till_at, make_product, shop, register
):
    shop.shifts_required = True
    shop.save_changes("shifts_required")
    product = make_product("2.50", stock="100")
    shift = open_shift(till_at(0))
    body = till_at(0).order(line(product), payments=[cash("2.50")])
    first = till_at(0).post("orders/", body, Idempotency_Key="k")

    again = till_at(change_clock).post("orders/", body, Idempotency_Key="k")
    sold = [
        till_at(where).sold(line(product), payments=[cash("2.50")])
        for where in (change_clock, 0, change_clock)
    ]
    closed = close_shift(till_at(change_clock), shift, "110.00")

    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    numbers = [each["receipt_number"] for each in (first.json(), *sold)]
    assert numbers == [1, 2, 3, 4]
    assert closed.status_code == 200, closed
    z = fetch_shift_report(till_at(change_clock), shift, "z")
    assert (z["sales"]["count"], z["sales"]["total"]) == (4, "10.00")
    with tenant_scope(shop):
        assert Order.objects.filter(shift=shift["id"]).count() == Receipt.objects.count() == 4
    open_shift(till_at(0))
    ensure_invariants(shop)


def test_log_in_limit_does_not_last_an_hour_longer_after_a_clock_correction(
    till_at, server, cashier
):
    ahead = connect_to_server(server, Api(**{CLOCK: str(HOUR)}))
    guesses = [ahead.post(LOG_IN, build_credentials(password=f"wrong {n}")) for n in range(6)]

    corrected = connect_to_server(server, Api(**{CLOCK: "0"})).post(LOG_IN, build_credentials())

    assert [each.status_code for each in guesses] == [401] * 5 + [429]
    assert corrected.status_code == 200
