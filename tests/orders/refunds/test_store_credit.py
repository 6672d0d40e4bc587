"""Store credit: look-up, guessed codes, secrecy of codes, blocking and issuing."""

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Throttle
from orders.models import Order, StoreCredit
from orders.models.credit import mask_code
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.factories.orders import StoreCreditFactory
from tests.orders.stock.test_stock_races import count_deadlocks
from tests.support.api import Person
from tests.support.audit import list_audit_events
from tests.support.discovery import our_models
from tests.support.gateway import CAPTURED
from tests.support.idempotency import count
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_approvals import log_in_at_paired_register
from tests.support.parallel import run_concurrently, statuses
from tests.support.refunds import (
    create_refund,
    credit_payment,
    ensure_refunds_consistent,
    get_store_credit_code,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.shifts import open_shift
from tests.support.till import Till, card, cash, line, new_id

HOUR = timedelta(hours=1)


@pytest.fixture
def credit(shop):
    """Return a store credit of 10.00."""
    return StoreCreditFactory(tenant=shop, code="ABCD-EFGH-JKLM")


def look_up(person, code):
    return person.get("store-credits/", {"code": code})


def found_balances(person, code):
    return [each["balance"] for each in look_up(person, code).json()["results"]]


@pytest.mark.parametrize(
    ("code", "shown"),
    [("ABCD-EFGH-JKLM", "JKLM"), ("12345678", "5678"), ("GIFT", "FT"), ("A1", "1"), ("A", "")],
)
def test_masked_code_shows_at_most_half_of_a_short_code(code, shown):
    assert mask_code(code) == f"****{shown}"


# --- permissions --------------------------------------------------------------------------------


def test_cashier_finds_store_credit_only_by_its_complete_code(till, credit, problem):
    StoreCreditFactory(tenant=credit.tenant)

    (shown,) = look_up(till, " ABCD-EFGH-JKLM ").json()["results"]

    assert (shown["code"], shown["balance"]) == ("****JKLM", "10.00")
    for part in ("JKLM", "****JKLM", "ABCD-EFGH-JKL", "ABCD%", ""):
        assert found_balances(till, part) == []
    problem(till.get("store-credits/"), 403, "permission_denied")
    problem(
        till.get("store-credits/", {"updated_since": "2026-01-01T00:00:00Z"}),
        403,
        "permission_denied",
    )
    problem(till.get(f"store-credits/{credit.pk}/"), 403, "permission_denied")
    problem(till.get(f"store-credits/{credit.pk}/entries/"), 403, "permission_denied")


def test_manager_sees_masked_codes_in_lists(manager_client, credit):
    (shown,) = manager_client.get("store-credits/").json()["results"]

    assert (
        shown["code"]
        == manager_client.get(f"store-credits/{credit.pk}/").json()["code"]
        == "****JKLM"
    )


def test_code_of_another_shop_is_not_found(till, foreign):
    assert found_balances(till, foreign.store_credit.code) == []


# --- guessed codes ------------------------------------------------------------------------------


def guess_by_look_up(till, make_product, shop):
    return lambda code: look_up(till, code)


def guess_by_sale(till, make_product, shop):
    product = make_product("1.00", track_stock=False)
    return lambda code: till.sell(line(product), payments=[credit_payment("1.00", code)])


def guess_by_payment(till, make_product, shop):
    order = till.sold(line(make_product("100.00", track_stock=False)))
    return lambda code: till.pay(order, credit_payment("1.00", code))


def guess_by_refund(till, make_product, shop):
    manager = Person(UserFactory(tenant=shop, manager=True))
    sold = till.sold(line(make_product("5.00")), payments=[cash("5.00")])
    return lambda code: request_refund(
        manager, sold, amount="0.10", method="store_credit", reference=code
    )


def test_unknown_codes_of_refunds_count_as_guesses(till, make_product, shop, credit, problem):
    guess = guess_by_refund(till, make_product, shop)

    def snapshot():
        rows = snapshot_refund_rows(shop)
        del rows["AuditEvent"]
        return rows

    before = snapshot()
    for number in range(10):
        problem(guess(f"WRONG-{number}"), 409, "insufficient_store_credit")
    problem(guess(credit.code), 429, "too_many_attempts")

    assert snapshot() == before
    assert len(list_audit_events("store_credit_code_failed")) == 10


def test_refund_without_approval_does_not_reveal_whether_a_code_exists(
    till, manager_client, make_product, credit, problem
):
    """Unknown, blocked and valid codes get the same answer until the refund is approved."""
    manager_client.post(f"store-credits/{credit.pk}/block/")
    sold = till.sold(line(make_product("5.00")), payments=[cash("5.00")])

    for code in (credit.code, "WRONG"):
        answer = request_refund(till, sold, method="store_credit", reference=code)
        problem(answer, 403, "approval_required")
    assert list_audit_events("store_credit_code_failed") == []


def test_issuing_an_existing_code_counts_as_a_guess(admin, credit, problem, shop):
    person = Person(admin)

    def issue(code):
        return person.post("store-credits/", {"id": new_id(), "amount": "1.00", "code": code})

    for _ in range(10):
        problem(issue(credit.code), 409, "store_credit_code_taken")
    before = snapshot_refund_rows(shop)
    problem(issue(credit.code), 429, "too_many_attempts")
    problem(issue("FREE-1"), 429, "too_many_attempts")
    assert snapshot_refund_rows(shop) == before


def test_unknown_codes_of_offline_sales_count_as_guesses(till, make_product, shop, credit):
    """The sales are booked in any case, but above the limit no code is looked up."""
    product = make_product("1.00", track_stock=False)
    codes = [*(f"WRONG-{number}" for number in range(10)), credit.code]

    orders = [
        upload_one_booked(
            till,
            build_offline_sale(
                number, build_offline_line(product, "1.00"), payments=[credit_payment("1.00", code)]
            ),
        )
        for number, code in enumerate(codes, start=1)
    ]

    assert [order["flags"] for order in orders] == [["credit_short"]] * 11
    assert {order["status"] for order in orders} == {"completed"}
    with tenant_scope(shop):
        assert StoreCredit.objects.get(pk=credit.pk).balance == 10
    assert len(list_audit_events("store_credit_code_failed")) == 10
    assert look_up(till, credit.code).status_code == 429


@pytest.mark.parametrize("way", [guess_by_look_up, guess_by_sale, guess_by_payment])
def test_ten_wrong_codes_block_also_the_right_code_for_an_hour(
    way, till, make_product, shop, credit, problem
):
    guess = way(till, make_product, shop)
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for number in range(10):
            answer = guess(f"WRONG-{number}")
            assert answer.status_code == (200 if way is guess_by_look_up else 409)
        before = snapshot_refund_rows(shop), count(shop)

        refused = guess(credit.code)

        problem(refused, 429, "too_many_attempts")
        assert refused["Retry-After"] == "3600"
        assert (snapshot_refund_rows(shop), count(shop)) == before
        assert len(list_audit_events("store_credit_code_failed")) == 10
        (event,) = list_audit_events("too_many_attempts")
        assert event.facts["limit"] == "store_credit_code_here"
        clock.shift(HOUR)
        later = way(Till(till.user, till.register), make_product, shop)
        assert later(credit.code).status_code in {200, 201}


def test_guesses_by_look_up_sale_and_payment_are_counted_together(
    till, make_product, shop, credit, problem
):
    guesses = [
        way(till, make_product, shop) for way in (guess_by_look_up, guess_by_sale, guess_by_payment)
    ]
    for number in range(10):
        guesses[number % 3](f"WRONG-{number}")

    for guess in guesses:
        problem(guess(credit.code), 429, "too_many_attempts")


def test_right_code_is_not_counted_and_does_not_reset_the_count(till, make_product, shop, credit):
    guess = guess_by_sale(till, make_product, shop)
    for number in range(9):
        look_up(till, f"WRONG-{number}")
        assert found_balances(till, credit.code)
    assert guess(credit.code).status_code == 201
    assert guess("WRONG").status_code == 409

    assert guess(credit.code).status_code == 429


def test_other_refusals_are_not_counted_as_guesses(till, make_product, shop, credit, problem):
    product = make_product("11.00")
    for _ in range(12):
        too_much = till.sell(line(product), payments=[credit_payment("11.00", credit.code)])
        problem(too_much, 409, "insufficient_store_credit")
        problem(
            till.sell(line(product), payments=[credit_payment("12.00", "X")]),
            409,
            "payment_exceeds_due",
        )


def test_guesses_are_limited_per_user_and_per_register(cashier, manager, register, credit, shop):
    people = [log_in_at_paired_register(UserFactory(tenant=shop), register) for _ in range(4)]
    for person in people[:3]:
        for number in range(10):
            assert look_up(person, f"WRONG-{number}").status_code == 200

    assert look_up(people[3], credit.code).status_code == 429
    assert found_balances(Person(cashier), credit.code) == ["10.00"]


def test_repeated_sale_is_answered_despite_the_guess_limit(till, make_product, shop, credit):
    body = till.order(line(make_product("1.00")), payments=[credit_payment("1.00", credit.code)])
    first = till.post("orders/", body)
    for number in range(10):
        look_up(till, f"WRONG-{number}")

    again = till.post("orders/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_guesses_are_limited_to_ten(till, credit):
    answers = run_concurrently(
        [lambda number=number: look_up(till, f"WRONG-{number}") for number in range(30)]
    )

    assert statuses(answers) == {200: 10, 429: 20}
    assert len(list_audit_events("store_credit_code_failed")) == 10


# --- secrecy of codes ---------------------------------------------------------------------------


def test_code_is_shown_only_in_the_response_that_issues_it(manager_client):
    body = {"id": new_id(), "amount": "5.00"}
    first = manager_client.post("store-credits/", body, Idempotency_Key="gift")
    again = [
        manager_client.post("store-credits/", body, Idempotency_Key="gift"),
        manager_client.post("store-credits/", body),
    ]

    issued = first.json()
    assert first.status_code == 201
    assert first["Cache-Control"] == "no-store"
    assert issued["code"] == mask_code(issued["full_code"])
    for answer in again:
        assert answer.json() == issued | {"full_code": None}


def test_no_response_or_row_contains_a_full_code_afterwards(
    till, manager_client, admin, make_product, shop, foreign
):
    """Checked are all readable resources, and all rows except those that need the code."""
    issued = manager_client.post("store-credits/", {"id": new_id(), "amount": "9.00"}).json()[
        "full_code"
    ]
    product = make_product("3.00")
    paid = till.sold(line(product), payments=[credit_payment("3.00", issued)])
    sold = till.sold(line(product), payments=[cash("3.00")])
    given = create_refund(manager_client, sold, method="store_credit", Idempotency_Key="back")
    refund_code = get_store_credit_code(given)
    again = request_refund(
        manager_client, sold, id=given["id"], method="store_credit", Idempotency_Key="back"
    )
    create_refund(manager_client, paid)

    assert paid["payments"][0]["reference"] == mask_code(issued)
    assert given["payouts"][0]["reference"] == mask_code(refund_code)
    assert again.json() == given | {"store_credit_codes": None}
    admin_client = Person(admin)
    seen = [
        answer.content.decode()
        for path in (
            "orders/",
            f"orders/{paid['id']}/",
            f"orders/{sold['id']}/",
            f"orders/{paid['id']}/receipt/",
            f"orders/{paid['id']}/receipt/?format=text",
            "refunds/",
            f"refunds/{given['id']}/receipt/",
            "store-credits/",
            "changes/?after=0",
            "audit/",
        )
        for answer in [admin_client.get(path)]
        if answer.status_code == 200 or pytest.fail(path)
    ]
    for code in (issued, refund_code):
        assert not [text for text in seen if code in text]
        assert not list_rows_with(code)


def list_rows_with(code):
    """Return the rows that contain a code, except those of models that need it."""
    excluded = {"StoreCredit", "Payment", "Payout"}
    with across_tenants():
        return [
            row
            for model in our_models()
            if model.__name__ not in excluded
            for row in model._default_manager.all().values()
            if code in str(row)
        ]


def test_only_the_original_print_of_a_refund_shows_the_new_code(
    till, manager_client, make_product, shop
):
    sold = till.sold(line(make_product("3.00")), payments=[cash("3.00")])
    given = create_refund(manager_client, sold, method="store_credit")
    path = f"refunds/{given['id']}/receipt/?format=text"
    code = get_store_credit_code(given)

    shown = manager_client.get(f"refunds/{given['id']}/receipt/").json()
    original, copy = (manager_client.get(path).content.decode() for _ in range(2))

    assert code in original
    assert mask_code(code) in copy
    assert code not in copy
    assert code not in str(shown)
    assert mask_code(code) in str(shown["payouts"])


@pytest.mark.parametrize(
    ("is_own", "minutes", "is_shown"),
    [(True, 14, True), (True, 15, False), (False, 0, False)],
)
def test_original_print_shows_the_code_to_the_refunding_user_for_fifteen_minutes(
    till, manager_client, make_product, is_own, minutes, is_shown
):
    sold = till.sold(line(make_product("3.00")), payments=[cash("3.00")])
    with time_machine.travel(timezone.now(), tick=False) as clock:
        given = create_refund(manager_client, sold, method="store_credit")
        clock.shift(timedelta(minutes=minutes))
        by = Person((manager_client if is_own else till).user)
        original = by.get(f"refunds/{given['id']}/receipt/?format=text").content.decode()

    code = get_store_credit_code(given)
    assert "COPY" not in original
    assert (code in original) == is_shown
    assert mask_code(code) in original


def test_refund_to_an_existing_store_credit_does_not_show_its_code(
    till, manager_client, make_product, shop, credit
):
    sold = till.sold(line(make_product("3.00")), payments=[credit_payment("3.00", credit.code)])
    given = create_refund(manager_client, sold)

    original = manager_client.get(f"refunds/{given['id']}/receipt/?format=text").content.decode()

    assert given["store_credit_codes"] is None
    assert mask_code(credit.code) in original
    assert credit.code not in original


# --- blocking -----------------------------------------------------------------------------------


def block(person, credit, action="block", **headers):
    return person.post(f"store-credits/{credit.pk}/{action}/", {"reason": "Lost"}, **headers)


def test_blocked_store_credit_cannot_pay(till, manager_client, make_product, shop, credit, problem):
    order = till.sold(line(make_product("5.00")))
    assert block(manager_client, credit).json()["is_active"] is False
    before = snapshot_refund_rows(shop)

    for answer in (
        till.sell(line(make_product("1.00")), payments=[credit_payment("1.00", credit.code)]),
        till.pay(order, credit_payment("1.00", credit.code)),
    ):
        assert problem(answer, 409, "store_credit_blocked")["reference"] == "****JKLM"
    assert snapshot_refund_rows(shop) == before
    assert count(shop) == 1

    assert block(manager_client, credit, "unblock").json()["is_active"] is True
    assert till.pay(order, credit_payment("1.00", credit.code)).status_code == 201


def test_blocked_store_credit_gets_no_refunds_but_canceled_payments(
    till, manager_client, make_product, shop, credit, problem
):
    product = make_product("3.00")
    paid = till.sold(line(product), payments=[credit_payment("3.00", credit.code)])
    sold = till.sold(line(product), payments=[cash("3.00")])
    open_one = till.sold(line(product), payments=[credit_payment("1.00", credit.code)])
    block(manager_client, credit)
    before = snapshot_refund_rows(shop)

    for refused in (
        request_refund(manager_client, paid),
        request_refund(manager_client, sold, method="store_credit", reference=credit.code),
    ):
        problem(refused, 409, "store_credit_blocked")
    assert snapshot_refund_rows(shop) == before

    assert request_refund(manager_client, paid, method="cash").status_code == 201
    canceled = manager_client.post(f"payments/{open_one['payments'][0]['id']}/cancel/")
    assert canceled.status_code == 200
    with tenant_scope(shop):
        current = StoreCredit.objects.get()
    assert (current.balance, current.is_active) == (7, False)
    ensure_refunds_consistent(shop)


def test_managers_block_and_unblocking_needs_a_password(till, manager, credit, shop, problem):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    before = snapshot_refund_rows(shop)
    for action in ("block", "unblock"):
        problem(block(till, credit, action), 403, "permission_denied")
    problem(block(by_pin, credit, "unblock"), 403, "password_required")
    assert snapshot_refund_rows(shop) == before

    assert block(by_pin, credit).status_code == 200
    problem(block(by_pin, credit, "unblock"), 403, "password_required")
    with tenant_scope(shop):
        assert not StoreCredit.objects.get().is_active


def test_blocking_with_an_old_version_is_refused(manager_client, credit, shop, problem):
    problem(block(manager_client, credit, If_Match='"7"'), 412, "version_conflict")

    assert block(manager_client, credit, If_Match='"1"')["ETag"] == '"2"'
    assert block(manager_client, credit)["ETag"] == '"2"'
    assert len(list_audit_events("store_credit_blocked")) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_block_and_sales_keep_the_balance_consistent(
    tills, manager_client, make_product, shop, credit
):
    product = make_product("1.00")

    *sales, blocked = run_concurrently(
        [
            *(
                lambda till=till: till.sell(
                    line(product), payments=[credit_payment("1.00", credit.code)]
                )
                for till in tills
            ),
            lambda: block(manager_client, credit),
        ]
    )

    assert blocked.status_code == 200
    done = statuses(sales).get(201, 0)
    assert set(statuses(sales)) <= {201, 409}
    with tenant_scope(shop):
        assert StoreCredit.objects.get().balance == 10 - done
        assert Order.objects.count() == done
    ensure_refunds_consistent(shop)


# --- lock order ---------------------------------------------------------------------------------

# FIRST_AS_TYPED is normalized to FIRST, but sorts after SECOND before that.
FIRST, FIRST_AS_TYPED, SECOND = "AAAA-1111", "\uff21AAA-1111", "BBBB-2222"


def find_writes(call, table, verb="UPDATE"):
    """Return the positions of the statements that write to a table, and all statements."""
    with CaptureQueriesContext(connection) as captured:
        response = call()
    assert response.status_code in {200, 201}, response.content
    statements = [each["sql"] for each in captured]
    return [at for at, each in enumerate(statements) if each.startswith(f'{verb} "{table}"')], (
        statements
    )


@pytest.mark.parametrize("codes", [(FIRST, SECOND), (SECOND, FIRST), (SECOND, FIRST_AS_TYPED)])
def test_store_credits_are_locked_in_the_order_of_their_normalized_codes(
    codes, till, make_product, shop
):
    for code in (FIRST, SECOND):
        StoreCreditFactory(tenant=shop, code=code)
    payments = [credit_payment("1.00", code) for code in codes]
    product = make_product("2.00")

    _, statements = find_writes(
        lambda: till.sell(line(product), payments=payments), "orders_storecredit"
    )

    locks = [each for each in statements if 'FROM "orders_storecredit"' in each]
    assert [FIRST in each for each in locks] == [True, False]


def test_refund_and_cancellation_lock_the_register_before_the_store_credit(
    till, manager_client, make_product, shop, credit, gateway
):
    product = make_product("4.00")
    gateway.answers = [CAPTURED]
    paid = till.sold(line(product), payments=[card("3.00"), credit_payment("1.00", credit.code)])
    half = till.sold(line(product), payments=[credit_payment("1.00", credit.code)])
    payment = half["payments"][0]["id"]
    gateway.returns = [CAPTURED]
    for call in (
        lambda: manager_client.post(f"payments/{payment}/cancel/"),
        lambda: request_refund(manager_client, paid),
    ):
        places, statements = find_writes(call, "orders_storecredit")
        begun = max(
            (
                at
                for at, each in enumerate(statements)
                if "gateway_reference" in each[:400] and each.startswith('UPDATE "orders_payout"')
            ),
            default=0,
        )
        series = [
            at
            for at, each in enumerate(statements)
            if "orders_registerseries" in each and at > begun
        ]
        assert series[0] < places[0]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_store_credit_sales_refunds_and_cancellations_do_not_deadlock(
    tills, manager_client, make_product, shop
):
    """The sales use two credits in either order."""
    for code in (FIRST, SECOND):
        StoreCreditFactory(tenant=shop, code=code, balance=1000)
    product = make_product("2.00", stock="1000")
    till = tills[0]

    def sell(*codes):
        payments = [credit_payment("1.00", code) for code in codes]
        return till.sell(line(product), payments=payments)

    done = [sell(FIRST, SECOND).json() for _ in range(4)]
    halves = [till.sold(line(product), payments=[credit_payment("1.00", SECOND)]) for _ in range(4)]
    before = count_deadlocks()

    answers = run_concurrently(
        [
            *[
                lambda codes=codes: sell(*codes)
                for codes in ((SECOND, FIRST_AS_TYPED), (FIRST, SECOND)) * 4
            ],
            *[lambda order=order: request_refund(manager_client, order) for order in done],
            *[
                lambda order=order: manager_client.post(
                    f"payments/{order['payments'][0]['id']}/cancel/"
                )
                for order in halves
            ],
        ]
    )

    assert statuses(answers) == {201: 12, 200: 4}
    assert count_deadlocks() == before
    ensure_refunds_consistent(shop)


# --- issuing ------------------------------------------------------------------------------------


def test_issuing_store_credit_above_the_refund_limit_is_refused(
    manager_client, admin, configure_shop, shop, problem
):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    before = snapshot_refund_rows(shop)

    problem(
        manager_client.post("store-credits/", {"id": new_id(), "amount": "50.01"}),
        403,
        "above_refund_limit",
    )

    assert snapshot_refund_rows(shop) == before
    for person, amount in ((manager_client, "50.00"), (Person(admin), "9999.00")):
        body = {"id": new_id(), "amount": amount}
        assert person.post("store-credits/", body).status_code == 201


@pytest.mark.parametrize("has_shift", [False, True])
def test_issued_store_credits_count_together_against_the_limit(
    manager, register, configure_shop, shop, problem, has_shift
):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    till = log_in_at_paired_register(manager, register)
    if has_shift:
        open_shift(till)
    codes = [till.post("store-credits/", {"id": new_id(), "amount": "20.00"}) for _ in range(2)]
    before = snapshot_refund_rows(shop)

    more = till.post("store-credits/", {"id": new_id(), "amount": "10.01"})

    assert statuses(codes) == {201: 2}
    problem(more, 403, "above_refund_limit")
    assert snapshot_refund_rows(shop) == before
    rest = till.post("store-credits/", {"id": new_id(), "amount": "10.00"})
    assert rest.status_code == 201


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrently_issued_store_credits_stay_within_the_limit(manager, configure_shop, shop):
    configure_shop(limits={"manager": {"refund_amount": "50"}})
    people = [Person(manager) for _ in range(8)]

    answers = run_concurrently(
        [
            lambda person=person: person.post("store-credits/", {"id": new_id(), "amount": "20.00"})
            for person in people
        ]
    )

    assert statuses(answers) == {201: 2, 403: 6}
    assert count(shop, StoreCredit) == 2


def test_pin_session_cannot_issue_store_credit(manager, shop, problem):
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    before = snapshot_refund_rows(shop)

    problem(
        by_pin.post("store-credits/", {"id": new_id(), "amount": "1.00"}), 403, "password_required"
    )

    assert snapshot_refund_rows(shop) == before
    with across_tenants():
        assert not Throttle.objects.exists()
