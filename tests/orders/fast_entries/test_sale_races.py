"""New orders before Django at the same moment, beside each other and beside the view."""

import json
from collections import Counter
from decimal import Decimal
from itertools import cycle

import pytest
from django.db import connection
from django.test import override_settings

from orders.models import Order, Receipt, RegisterSeries, StockLevel
from orders.services.verification import verify_chains
from tenants.api.fast_entry import hits
from tenants.database.postgres import pipeline
from tenants.models import IdempotencyKey, Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ShiftFactory
from tests.factories.tenants import RegisterFactory
from tests.support.fast_sales import (
    approved,
    build_shop,
    cash,
    half_off,
    order,
)
from tests.support.parallel import run_concurrently, run_times
from tests.support.till import ensure_books_balance, line

pytestmark = [
    pytest.mark.race,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def shop():
    return build_shop()


def statuses(answers):
    return Counter(getattr(each, "status", each)[:3] for each in answers)


def check_books(shop):
    """Numbers without gaps, a chain that verifies, and stock that adds up."""
    ensure_books_balance(shop.tenant)
    with tenant_scope(shop.tenant):
        for series in RegisterSeries.objects.all():
            receipts = Receipt.objects.filter(register=series.register_id).order_by("number")
            numbers = list(receipts.values_list("number", flat=True))
            assert numbers == list(range(1, series.last_receipt + 1))
            assert series.last_entry == series.last_receipt
            assert series.last_order == Order.objects.filter(register=series.register_id).count()
        assert not list(verify_chains())


def test_order_sent_twenty_times_at_once_is_created_once(shop):
    body = order(shop, line(shop.plain, "2"), payments=[cash("5.00")])

    answers = run_times(20, lambda: shop.post(body))

    assert statuses(answers) == {"201": 1, "200": 19}
    assert len({answer.body for answer in answers}) == 1
    check_books(shop)


def test_idempotency_key_sent_twenty_times_at_once_creates_one_order(shop):
    body = order(shop, line(shop.plain, "2"), payments=[{"method": "cash"}])
    del body["id"]

    answers = run_times(20, lambda: shop.post(body, idempotency_key="twenty"))

    assert statuses(answers) == {"201": 20}
    assert len({answer.body for answer in answers}) == 1
    with tenant_scope(shop.tenant):
        assert (Order.objects.count(), IdempotencyKey.objects.count()) == (1, 1)
    check_books(shop)


def test_simultaneous_orders_of_a_register_all_succeed(shop):
    before = hits["POST orders/"]
    bodies = [order(shop, line(shop.plain), line(shop.names), payments=[cash()]) for _ in range(16)]

    answers = run_concurrently([lambda body=body: shop.post(body) for body in bodies])

    assert statuses(answers) == {"201": 16}
    assert hits["POST orders/"] - before == 16
    check_books(shop)


def test_scarce_product_is_never_oversold_by_simultaneous_orders(shop):
    """Lines in any order, at four registers, before Django and by the view."""
    registers = [
        RegisterFactory(tenant=shop.tenant, store=shop.store, number=number)
        for number in range(5, 9)
    ]
    with tenant_scope(shop.tenant):
        StockLevel.objects.filter(product=shop.scarce).update(reorder_point=None)
    works = []
    for number, register, is_fast in zip(
        range(24), cycle(registers), cycle([True, True, False]), strict=False
    ):
        lines = [line(shop.scarce), line(shop.plain), line(shop.names)][:: 1 if number % 2 else -1]
        body = {**order(shop, *lines, payments=[cash()]), "register": str(register.pk)}
        works.append(lambda body=body, is_fast=is_fast: sell(shop, body, is_fast))

    answers = run_concurrently(works)

    assert statuses(answers) == {"201": 3, "409": 21}
    with tenant_scope(shop.tenant):
        assert StockLevel.objects.get(product=shop.scarce).quantity == 0
    check_books(shop)


def sell(shop, body, is_fast):
    """Settings are those of the process, so a header sends this thread to the view."""
    return shop.post(body) if is_fast else shop.post(body, if_none_match='"none"')


def test_approval_is_used_by_one_of_many_simultaneous_orders(shop):
    body = approved(shop, half_off(shop))
    others = [approved(shop, half_off(shop)) | {"approval": body["approval"]} for _ in range(7)]

    answers = run_concurrently([lambda each=each: shop.post(each) for each in (body, *others)])

    assert statuses(answers) == {"201": 1, "403": 7}
    check_books(shop)


# --- between the two messages ---------------------------------------------------------------------


def between_messages(monkeypatch, work):
    """Run something in another connection after the first message of a sale."""
    send, done = pipeline.send, []

    def sending(*calls):
        if any(statement is pipeline.COMMIT for statement, _ in calls) and not done:
            done.append(run_concurrently([work])[0])
        return send(*calls)

    monkeypatch.setattr(pipeline, "send", sending)
    return done


def test_price_change_between_the_messages_does_not_apply(shop, monkeypatch):
    """As by the view, which has read it before its transaction: the price that was read is paid."""

    def change():
        with tenant_scope(shop.tenant):
            type(shop.plain).objects.filter(pk=shop.plain.pk).update(price=Decimal(9))

    done = between_messages(monkeypatch, change)
    answer = shop.post(order(shop, line(shop.plain), payments=[cash("2.50")]))

    assert (answer.status, done) == ("201 Created", [None])
    assert json.loads(answer.body)["total"] == "2.50"


def test_currency_is_already_fixed_between_the_messages(shop, monkeypatch):
    """It is fixed by the first order, which the view creates."""
    with override_settings(FAST_PATHS=False):
        shop.post(order(shop, line(shop.plain), payments=[cash("2.50")]))

    def change():
        tenant = Tenant.objects.get(pk=shop.tenant.pk)
        assert tenant.has_orders

    done = between_messages(monkeypatch, change)
    assert shop.post(order(shop, line(shop.plain), payments=[cash()])).status == "201 Created"
    assert done == [None]


def test_register_numbers_are_locked_between_the_messages(monkeypatch):
    """The numbers of the register are locked, and closing waits for them."""
    shop = build_shop(with_shift=True, shifts_required=True)

    def lock():
        with tenant_scope(shop.tenant):
            locked = RegisterSeries.objects.select_for_update(nowait=True)
            return locked.get(register=shop.register)

    done = between_messages(monkeypatch, lock)
    answer = shop.post(order(shop, line(shop.plain), payments=[cash()]))

    assert answer.status == "201 Created"
    assert "could not obtain lock" in str(done[0])


def test_stock_taken_between_the_messages_is_refused_by_the_view(shop, monkeypatch):
    def take():
        with tenant_scope(shop.tenant):
            StockLevel.objects.filter(product=shop.plain).update(quantity=0)

    between_messages(monkeypatch, take)
    answer = shop.post(order(shop, line(shop.plain), payments=[cash()]))

    assert answer.status == "409 Conflict"
    assert json.loads(answer.body)["code"] == "insufficient_stock"
    with tenant_scope(shop.tenant):
        assert not Order.objects.exists()


def test_connection_lost_before_the_commit_falls_back_to_the_view(shop, monkeypatch):
    send = pipeline.send
    killed = []

    def sending(*calls):
        if any(statement is pipeline.COMMIT for statement, _ in calls) and not killed:
            killed.append(True)
            connection.connection.pgconn.finish()
        return send(*calls)

    monkeypatch.setattr(pipeline, "send", sending)
    answer = shop.post(order(shop, line(shop.plain), payments=[cash()]))

    assert answer.status == "201 Created"
    assert killed
    check_books(shop)


def test_connection_lost_after_the_commit_returns_the_created_order(shop, monkeypatch):
    """The order is there; the view finds it by its id."""
    send = pipeline.send
    lost = []

    def sending(*calls):
        results = send(*calls)
        if any(statement is pipeline.COMMIT for statement, _ in calls) and not lost:
            lost.append(True)
            raise pipeline.ConnectionLost("gone", may_have_committed=True)
        return results

    monkeypatch.setattr(pipeline, "send", sending)
    answer = shop.post(order(shop, line(shop.plain), payments=[cash()]))

    assert answer.status == "200 OK"
    with tenant_scope(shop.tenant):
        assert Order.objects.count() == 1
    check_books(shop)


def test_sale_ignores_the_shift_of_another_register(shop):
    register = RegisterFactory(tenant=shop.tenant, store=shop.store, number=9)
    ShiftFactory(opened_by=shop.user, register=register)

    answer = shop.post(order(shop, line(shop.plain), payments=[cash()]))

    assert json.loads(answer.body)["shift"] is None
