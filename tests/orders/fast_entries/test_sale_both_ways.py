"""New orders before Django: the same answer and the same rows as by the view."""

import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Approval, AuthSession, Posting, Role, Throttle, User
from orders.fast_entries import sale
from orders.fast_entries.sale import create_order
from orders.models import ChainEntry, Receipt, StoreCredit
from tenants.api.fast_entry import FastRequest
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import ConnectionLost
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.customers import CustomerFactory
from tests.factories.tenants import StoreFactory
from tests.support.fast_sales import (
    SALES,
    add_credits,
    approved,
    build_shop,
    cash,
    credit,
    half_off,
    ids,
    order,
)
from tests.support.modifiers import modified
from tests.support.statements import assert_statement_count
from tests.support.till import line, percent
from tests.support.twin_shops import TwinShops

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def both() -> TwinShops:
    return TwinShops(build_shop)


@pytest.fixture
def both_with_profile() -> TwinShops:
    return TwinShops(lambda: build_shop(with_profile=True))


def test_cash_sale_equals_the_view(both):
    answer = both.post(lambda shop: order(shop, line(shop.plain), payments=[cash("2.50")]))

    assert answer.status == "201 Created"


@pytest.mark.parametrize("kind", SALES)
def test_sale_of_each_kind_equals_the_view(both, kind):
    answer = both.post(SALES[kind])

    assert answer.status == "201 Created", answer.body


def test_taken_external_id_is_left_to_the_view(both):
    assert both.post(SALES["an external ID and metadata"]).status == "201 Created"

    taken = both.post(SALES["an external ID and metadata"], fast=False)

    assert taken.status == "409 Conflict"
    assert both.post(SALES["change"]).status == "201 Created"


def test_used_device_sequence_equals_the_view(both):
    for _ in range(2):
        both.post(SALES["a device sequence"])


def test_idempotency_key_with_id_replays_the_answer(both):
    bodies = {}

    def build(shop):
        return bodies.setdefault(shop.tenant.pk, SALES["change"](shop))

    answer = both.post(build, idempotency_key="key-1")
    again = both.post(build, fast=False, idempotency_key="key-1")

    assert ("Idempotent-Replayed", "true") in again.headers
    assert (answer.status, again.status) == ("201 Created", "201 Created")
    assert again.body == answer.body


def test_idempotency_key_without_id_replays_the_answer(both):
    def build(shop):
        body = order(shop, line(shop.plain), payments=[{"method": "cash"}])
        return {name: value for name, value in body.items() if name != "id"}

    answer = both.post(build, idempotency_key="only-the-key")
    again = both.post(build, fast=False, idempotency_key="only-the-key")

    assert answer.status == "201 Created"
    assert ("Idempotent-Replayed", "true") in again.headers
    assert again.body == answer.body


def test_repeated_order_is_answered_by_the_view(both):
    bodies = {}

    def build(shop):
        return bodies.setdefault(shop.tenant.pk, SALES["several payments"](shop))

    first = both.post(build)
    again = both.post(build, fast=False)

    assert (first.status, again.status) == ("201 Created", "200 OK")
    assert first.body == again.body


LEFT_TO_THE_VIEW = {
    "an unknown product": lambda shop: order(shop, {"product": next(ids), "quantity": "1"}),
    "a product with variants": lambda shop: order(shop, line(shop.shirt)),
    "a product that is not on sale": lambda shop: order(shop, line(shop.off)),
    "a label of a scale": lambda shop: order(
        shop, {"barcode": "2100007005379"}, payments=[cash("5.37")]
    ),
    "empties": lambda shop: order(
        shop, line(shop.plain), line(shop.empty, "-2"), payments=[cash("2.00")]
    ),
    "only empties": lambda shop: order(shop, line(shop.empty, "-2"), payments=[cash()]),
    "a fraction of a piece": lambda shop: order(shop, line(shop.plain, "0.5")),
    "no price": lambda shop: order(shop, line(shop.open)),
    "too little stock": lambda shop: order(
        shop, line(shop.plain), line(shop.scarce, "4"), payments=[cash()]
    ),
    "a level that falls to its reorder point": lambda shop: order(
        shop, line(shop.plain), line(shop.scarce, "2"), payments=[cash()]
    ),
    "too large a discount": lambda shop: order(
        shop, line(shop.plain, discounts=[percent("50")]), payments=[cash()]
    ),
    "a customer": lambda shop: order(
        shop,
        line(shop.plain),
        payments=[cash()],
        customer={"id": str(CustomerFactory(tenant=shop.tenant, name="Ann").pk)},
    ),
    "an unknown customer": lambda shop: order(shop, line(shop.plain), customer={"id": next(ids)}),
    "no choice of a required modifier": lambda shop: order(
        shop, line(shop.latte), payments=[cash("3.50")]
    ),
    "too many modifiers": lambda shop: order(
        shop,
        modified(shop.latte, shop.modifiers["Small"], shop.modifiers["Large"]),
        payments=[cash("4.00")],
    ),
    "modifiers of another product": lambda shop: order(
        shop, modified(shop.plain, shop.modifiers["Small"]), payments=[cash("2.50")]
    ),
    "an unknown field": lambda shop: order(shop, line(shop.plain), colour="red"),
    "an external ID of null": lambda shop: order(shop, line(shop.plain), external_id=None),
    "too much metadata": lambda shop: order(shop, line(shop.plain), metadata={"a": "x" * 4096}),
    "a null": lambda shop: order(shop, line(shop.plain), note=None),
    "a card": lambda shop: order(
        shop, line(shop.plain), payments=[{"id": next(ids), "method": "card", "amount": "2.50"}]
    ),
    "too much": lambda shop: order(shop, line(shop.plain), payments=[cash("9.00")]),
    "no id": lambda shop: {"register": str(shop.register.pk), "lines": []},
    "another register": lambda shop: {**order(shop), "register": next(ids)},
    "no object": lambda shop: [],
    "no JSON": lambda shop: b"{",
    "a key twice": lambda shop: b'{"id": 1, "id": 1}',
}


@pytest.mark.parametrize("kind", LEFT_TO_THE_VIEW)
def test_unusual_or_refused_order_is_left_to_the_view(both, kind):
    both.post(LEFT_TO_THE_VIEW[kind], fast=False)

    # Nothing of it is in the way of the next one.
    assert both.post(SALES["change"]).status == "201 Created"


@pytest.mark.parametrize(
    "rules",
    [
        {"currency": "JPY", "cash_rounding_increment": Decimal(5)},
        {"currency": "KWD"},
        {"currency": "CHF", "cash_rounding_increment": Decimal("0.05")},
        {"country": "BE", "cash_rounding_increment": Decimal("0.05")},
        {"tax_rounding_level": "order", "tax_rounding_mode": "half_even"},
        {"tax_rounding_mode": "up"},
        {"stock_policy": "allow"},
    ],
    ids=str,
)
def test_sale_in_each_currency_and_rounding_equals_the_view(rules):
    both = TwinShops(lambda: build_shop(**rules))

    def build(shop):
        lines = (line(shop.untracked, "3"), line(shop.weight, "1.234"), line(shop.names, "7"))
        return order(shop, *lines, payments=[cash(tendered="1000")])

    assert both.post(build).status == "201 Created"


def test_sale_with_required_shifts_needs_an_open_shift():
    both = TwinShops(lambda: build_shop(with_shift=True, shifts_required=True))
    assert both.post(SALES["change"]).status == "201 Created"

    closed = TwinShops(lambda: build_shop(shifts_required=True))
    assert closed.post(SALES["change"], fast=False).status.startswith("409")


def test_first_order_of_a_shop_is_left_to_the_view():
    both = TwinShops(lambda: build_shop(has_orders=False))

    both.post(SALES["change"], fast=False)
    both.post(SALES["change"])


def test_sale_below_zero_stock_equals_the_view_if_allowed():
    both = TwinShops(lambda: build_shop(stock_policy="allow"))

    both.post(lambda shop: order(shop, line(shop.plain, "900"), payments=[cash()]))


def test_sale_with_a_receipt_profile_equals_the_view(both_with_profile):
    both = both_with_profile
    for kind in ("several lines", "change", "a device sequence"):
        assert both.post(SALES[kind]).status == "201 Created"

    with tenant_scope(both.fast.tenant):
        store = Store.objects.get()
        profiles = set(Receipt.objects.values_list("profile", flat=True))
        entries = ChainEntry.objects.values_list("content", flat=True)
        assert profiles == {store.receipt_profile}
        assert all(store.receipt_profile_hash in content for content in entries)


@pytest.mark.parametrize("with_profile", [False, True])
def test_receipt_profile_needs_no_more_messages(with_profile, messages):
    shop = build_shop(with_profile=with_profile)
    shop.post(order(shop, line(shop.plain), payments=[cash("2.50")]))
    messages.clear()

    answer = shop.post(order(shop, line(shop.plain), payments=[cash("2.50")]))

    assert (answer.status, len(messages)) == ("201 Created", 2)


def test_sale_sends_two_messages(both, monkeypatch):
    both.post(SALES["change"])
    sent = []
    send = pipeline.send
    monkeypatch.setattr(pipeline, "send", lambda *calls: sent.append(calls) or send(*calls))

    both.fast.post(SALES["discounts"](both.fast))

    assert len(sent) == 2


# --- approvals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("paired", [False, True])
def test_approval_of_a_discount_is_used(paired):
    both = TwinShops(lambda: build_shop(paired=paired))

    answer = both.post(lambda shop: approved(shop, half_off(shop)))

    assert answer.status == "201 Created", answer.body
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            assert Approval.objects.get().status == Approval.Status.USED


def test_unneeded_approval_is_not_used(both):
    both.post(lambda shop: approved(shop, SALES["change"](shop)))

    with tenant_scope(both.fast.tenant):
        assert Approval.objects.get().status == Approval.Status.APPROVED


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("2.49")},
        {"amount": None},
        {"object": {"order": next(ids)}},
        {"action": Approval.Action.PRICE_OVERRIDE},
        {"status": Approval.Status.USED, "used_at": timezone.now()},
        {"status": Approval.Status.DENIED},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    # Alike in every process: none contains a time.
    ids=["less", "no amount", "another order", "another action", "used", "denied", "expired"],
)
def test_invalid_approval_is_left_to_the_view_and_refused(both, changes):
    answer = both.post(lambda shop: approved(shop, half_off(shop), **changes), fast=False)

    assert answer.status.startswith("403")


def test_approval_above_the_limit_of_the_approver_is_refused(both):
    for shop in (both.fast, both.plain):
        shop.tenant.limits["manager"]["line_discount_percent"] = "20"
        shop.tenant.save()

    answer = both.post(lambda shop: approved(shop, half_off(shop)), fast=False)

    assert answer.status.startswith("403")


# --- store credit ---------------------------------------------------------------------------------


def test_store_credit_payments_reduce_the_balances(both):
    add_credits(both)

    answer = both.post(
        lambda shop: order(
            shop,
            line(shop.plain, "3"),
            payments=[
                credit("2.00", "GIFT-B"),
                credit("1.50", " GIFT-A "),
                credit("1.00", "GIFT-B"),
                cash(),
            ],
        )
    )

    assert answer.status == "201 Created"
    with tenant_scope(both.fast.tenant):
        balances = StoreCredit.objects.order_by("code").values_list("balance", flat=True)
        assert list(balances) == [Decimal(0), Decimal(7)]


@pytest.mark.parametrize(
    ("changes", "payment"),
    [
        ({}, ("1.51", "GIFT-A")),
        ({}, ("1.00", "GIFT-C")),
        ({}, ("1.00", " ")),
        ({"is_active": False}, ("1.00", "GIFT-B")),
    ],
)
def test_invalid_store_credit_payment_is_left_to_the_view(both, changes, payment):
    add_credits(both, **changes)

    answer = both.post(
        lambda shop: order(shop, line(shop.plain), payments=[credit(*payment), cash()]), fast=False
    )

    assert answer.status[0] == "4"


@pytest.mark.slow
def test_wrong_store_credit_codes_lock_out_like_the_view(both):
    add_credits(both)

    def wrong(shop):
        return order(shop, line(shop.plain), payments=[credit("1.00", "WRONG")])

    answers = [both.post(wrong, fast=False).status[:3] for _ in range(12)]

    assert answers[0] == "409"
    assert answers[-1] == "429"


@pytest.mark.slow
def test_store_credit_code_with_an_ended_session_is_not_counted(both):
    add_credits(both)
    both.post(SALES["change"])
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            AuthSession.objects.filter(pk=shop.session.pk).end("logout")
    before = list(Throttle.objects.values())

    answer = both.post(
        lambda shop: order(shop, line(shop.plain), payments=[credit("1.00", "GIFT-B"), cash()]),
        fast=False,
    )

    assert answer.status.startswith("401")
    assert list(Throttle.objects.values()) == before


@pytest.mark.slow
def test_sale_succeeds_if_the_connection_is_lost_while_counting_a_credit_code_attempt(
    both, monkeypatch, caplog
):
    add_credits(both)

    def lose(*_given, **_named):
        raise OperationalError("gone")

    monkeypatch.setattr(sale, "count_code_attempt", lose)
    answer = both.post(
        lambda shop: order(shop, line(shop.plain), payments=[credit("1.00", "GIFT-B"), cash()]),
        fast=False,
    )

    assert answer.status == "201 Created"
    assert "fast_entry_failed" not in caplog.text


# --- paired terminals -----------------------------------------------------------------------------


def test_sale_of_a_pin_session_equals_the_view():
    both = TwinShops(lambda: build_shop(paired=True))

    def without_register(shop):
        body = SALES["several payments"](shop)
        return {name: value for name, value in body.items() if name != "register"}

    both.post(without_register)
    both.post(SALES["discounts"])


@pytest.mark.slow
def test_sale_in_an_unassigned_store_is_refused(both):
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            Posting.objects.create(user=shop.user, store=shop.store)
    both.post(SALES["change"])

    for shop in (both.fast, both.plain):
        other = StoreFactory(tenant=shop.tenant, name="Other")
        with tenant_scope(shop.tenant):
            Posting.objects.update(store=other)
    assert both.post(SALES["change"], fast=False).status.startswith("403")


@pytest.mark.parametrize("role", [Role.MANAGER, Role.ADMIN])
def test_sale_by_a_manager_or_admin_equals_the_view(role):
    both = TwinShops(lambda: build_shop(role=role))

    both.post(half_off)


# --- what changes meanwhile -----------------------------------------------------------------------


def test_sale_with_an_ended_session_is_refused(both):
    both.post(SALES["change"])
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            AuthSession.objects.filter(pk=shop.session.pk).end("logout")

    assert both.post(SALES["change"], fast=False).status.startswith("401")


def test_changed_settings_of_the_shop_apply_at_once(both):
    both.post(SALES["change"])
    for shop in (both.fast, both.plain):
        Tenant.objects.filter(pk=shop.tenant.pk).update(cash_rounding_increment=Decimal("0.10"))

    # The session is known with the rules of before.
    sale = lambda shop: order(shop, line(shop.names), payments=[{"method": "cash"}])  # noqa: E731
    assert b'"paid_total":"1.00"' in both.post(sale).body


def test_sale_after_another_log_in_is_answered_fast(both, monkeypatch):
    both.post(SALES["change"])
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            assert User.objects.filter(pk=shop.user.pk).update(last_login=timezone.now()) == 1
    sent = []
    send = pipeline.send
    monkeypatch.setattr(pipeline, "send", lambda *calls: sent.append(calls) or send(*calls))

    both.post(SALES["change"])

    # The first message of the first try is one more.
    assert len(sent) == 3


def test_sale_at_an_inactive_register_is_refused(both):
    both.post(SALES["change"])
    for shop in (both.fast, both.plain):
        with tenant_scope(shop.tenant):
            Register.objects.update(is_active=False)

    assert both.post(SALES["change"], fast=False).status.startswith("400")


# --- before the session is known ------------------------------------------------------------------


def test_body_of_a_request_without_a_valid_token_is_not_read():
    body = io.BytesIO(b"{}")
    environ = {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": "2", "wsgi.input": body}

    assert create_order(FastRequest(environ, "no.valid.token", {}, None)) is None
    assert body.tell() == 0
    assert environ["wsgi.input"] is body


def test_connection_lost_during_the_session_look_up_falls_back_to_the_view(
    both, monkeypatch, caplog
):
    def lose(*_calls):
        raise ConnectionLost("gone", may_have_committed=False)

    monkeypatch.setattr(pipeline, "send", lose)

    assert both.post(SALES["change"], fast=False).status == "201 Created"
    assert "fast_entry_failed" not in caplog.text


# --- use of the session ---------------------------------------------------------------------------


def test_a_sale_records_the_use_of_its_session_in_its_second_message(both, messages):
    both.post(SALES["change"])
    shop = both.fast
    earlier = timezone.now() - timedelta(minutes=2)
    with tenant_scope(shop.tenant):
        AuthSession.objects.filter(pk=shop.session.pk).update(last_used_at=earlier)
    messages.clear()

    with assert_statement_count(0):
        answer = shop.post(SALES["change"](shop))

    assert (answer.status, len(messages)) == ("201 Created", 2)
    with tenant_scope(shop.tenant):
        assert AuthSession.objects.get(pk=shop.session.pk).last_used_at > earlier
