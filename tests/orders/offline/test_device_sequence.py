"""The numbers that a till gives to its sales: one series, with a connection or without."""

import pytest

from orders.models import ChainEntry, Order, RegisterSeries
from orders.services.verification import verify_chains
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.api import Person
from tests.support.idempotency import count
from tests.support.offline import (
    build_offline_line,
    build_offline_sale,
    results,
    upload,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.parallel import run_concurrently
from tests.support.refunds import snapshot_refund_rows
from tests.support.till import cash, line

pytestmark = pytest.mark.django_db
LARGEST = 2**31 - 1


@pytest.fixture
def gaps(manager_client, register):
    def get():
        answer = manager_client.get(f"registers/{register.pk}/gaps/").json()
        ranges = [(each["first"], each["last"]) for each in answer["ranges"]]
        return answer["issued"], answer["held"], ranges

    return get


@pytest.fixture
def sold(till, product):
    """`sold(7)`: an order with a connection, that the till has numbered so."""

    def sell(number, **more):
        return till.sold(line(product), payments=[cash("2.50")], device_sequence=number, **more)

    return sell


@pytest.fixture
def set_to(manager_client, register):
    def post(number, by=manager_client, **more):
        return by.post(
            f"registers/{register.pk}/device-sequence/", {"last_device_sequence": number, **more}
        )

    return post


# --- with a connection ----------------------------------------------------------------------------


def test_a_till_that_numbers_all_its_sales_misses_only_what_is_missing(till, sold, product, gaps):
    order = sold(1)
    upload_one_booked(till, build_offline_sale(2, build_offline_line(product)))
    sold(4)
    till.sold(line(product), payments=[cash("2.50")])

    assert (order["device_sequence"], order["sold_at"], order["flags"]) == (1, None, [])
    assert gaps() == (4, 3, [(3, 3)])


def test_an_order_that_is_still_open_holds_its_number(till, product, gaps):
    order = till.sold(line(product), device_sequence=1)

    assert (order["status"], gaps()) == ("open", (1, 1, []))


def test_a_repeated_order_is_the_same_only_with_the_same_number(till, product, gaps, problem, shop):
    body = till.order(line(product), payments=[cash("2.50")], device_sequence=1)

    assert till.post("orders/", body).status_code == 201
    assert till.post("orders/", body).json()["flags"] == []
    for other in (body | {"device_sequence": 2}, without_number(body)):
        problem(till.post("orders/", other), 409, "id_conflict")
    assert (count(shop), gaps()) == (1, (1, 1, []))


def without_number(body):
    return {name: value for name, value in body.items() if name != "device_sequence"}


@pytest.mark.parametrize("number", [0, -1, "1", 1.5, LARGEST + 1, True])
def test_what_is_no_number_is_refused(number, till, product, shop):
    body = till.order(line(product), device_sequence=number)

    answer = till.post("orders/", body)

    assert (answer.status_code, fields(answer)) == (400, ["device_sequence"])
    assert count(shop) == 0


def fields(answer):
    return [each["field"] for each in answer.json()["errors"]]


def test_two_orders_of_one_number_are_both_sold_and_the_second_is_flagged(
    till, sold, product, gaps, register
):
    first, second = sold(1), sold(1)
    offline = upload_one_booked(till, build_offline_sale(1, build_offline_line(product)))
    upload_one_booked(till, build_offline_sale(2, build_offline_line(product)))
    after = sold(2)

    told = [each["flags"] for each in (first, second, offline, after)]
    assert told == [[], ["sequence_taken"], ["sequence_taken"], ["sequence_taken"]]
    assert gaps() == (2, 2, [])
    assert till.get("orders/", {"flag": "sequence_taken"}).json()["results"]


def test_each_till_has_a_series_of_its_own(till, tills, sold, product):
    sold(1)
    other = tills[0].sold(line(product), device_sequence=1)

    assert other["flags"] == []


def test_an_order_of_another_number_is_not_the_one_that_was_uploaded(till, sold, product):
    order = sold(1)
    item = build_offline_sale(2, build_offline_line(product), id=order["id"])

    (answer,) = results(till, item)
    (same,) = results(till, item | {"device_sequence": 1})

    assert (answer["status"], answer["code"]) == ("rejected", "id_reused")
    assert (same["status"], same["order"]["device_sequence"]) == ("duplicate", 1)


def test_numbered_with_a_connection_it_is_no_sale_made_offline(till, sold, shop, manager_client):
    """It belongs to no late sales, its time is ours, and its seal is as it was."""
    order = sold(1)

    with tenant_scope(shop):
        assert not Order.objects.get().is_offline
        assert "offline" not in ChainEntry.objects.get().content
        told = OutboxEvent.objects.get(topic="order.completed").data
        assert list(verify_chains()) == []
    assert (told["device_sequence"], "sold_at" in told) == (1, False)
    text = till.get(f"orders/{order['id']}/receipt/", {"format": "text"}).content.decode()
    assert "Till number" in text
    assert "Booked" not in text


def test_the_price_of_an_order_may_be_asked_with_its_number(till, product, shop):
    body = without_number(till.order(line(product))) | {"device_sequence": 5}

    assert till.post("orders/calculate/", body).status_code == 200
    assert count(shop) == 0


# --- jumps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [10_001, LARGEST])
def test_a_last_number_far_beyond_is_refused_and_without_it_all_is_booked(
    last, till, product, shop, gaps, problem
):
    item = build_offline_sale(1, build_offline_line(product))
    before = snapshot_refund_rows(shop)

    told = problem(upload(till, item, last_sequence=last, key="k"), 409, "sequence_jump")

    assert (told["last_sequence"], told["held"], told["max_jump"]) == (last, 0, 10_000)
    assert snapshot_refund_rows(shop) == before
    upload_one_booked(till, item, key="k")
    assert gaps() == (1, 1, [])


def test_last_numbers_are_measured_from_what_came_and_not_from_each_other(till, gaps, problem):
    assert results(till, last_sequence=10_000) == []
    problem(upload(till, last_sequence=10_001), 409, "sequence_jump")

    assert gaps() == (10_000, 0, [(1, 10_000)])


def test_a_sale_far_beyond_is_booked_flagged_and_does_not_spoil_the_series(
    till, sold, product, gaps
):
    jump, next_ = upload_all_booked(
        till,
        build_offline_sale(LARGEST, build_offline_line(product)),
        build_offline_sale(1, build_offline_line(product)),
    )
    online = sold(LARGEST - 1)
    near = sold(10_001)

    assert [each["flags"] for each in (jump, next_, online, near)] == [
        ["sequence_jump"],
        [],
        ["sequence_jump"],
        [],
    ]
    assert gaps() == (10_001, 2, [(2, 10_000)])


def test_a_rejected_sale_far_beyond_does_not_spoil_the_series(till, product, gaps):
    results(
        till,
        build_offline_sale(LARGEST, build_offline_line(product), payments=[]),
        build_offline_sale(1, build_offline_line(product)),
    )

    assert gaps() == (1, 1, [])


def test_a_series_that_was_spoilt_before_is_set_right(till, product, sold, gaps, set_to, register):
    """As it is in books from before jumps were looked for."""
    for number in (1, 2, 4):
        sold(number)
    with tenant_scope(register.tenant):
        RegisterSeries.objects.update(last_device_sequence=LARGEST, held_device_sequence=None)
        Order.objects.filter(device_sequence=4).update(device_sequence=LARGEST)
    assert gaps()[0] == LARGEST

    assert set_to(4).status_code == 200

    assert gaps() == (4, 2, [(3, 4)])
    assert sold(5)["flags"] == []
    assert gaps() == (5, 3, [(3, 4)])


def test_a_register_from_before_counts_on_from_its_last_number(sold, register, gaps):
    sold(1)
    with tenant_scope(register.tenant):
        RegisterSeries.objects.update(last_device_sequence=50_000, held_device_sequence=None)

    assert sold(50_001)["flags"] == []
    assert gaps()[:2] == (50_001, 2)


# --- setting it -----------------------------------------------------------------------------------


def test_a_manager_sets_the_number_up_or_down_once(
    till, manager, sold, gaps, set_to, shop, register
):
    sold(1)

    answers = [set_to(50_000, reason="New device"), set_to(50_000), set_to(7)]

    told = [(each.status_code, each.json()["last_device_sequence"]) for each in answers]
    assert told == [(200, 50_000), (200, 50_000), (200, 7)]
    assert gaps() == (7, 1, [(2, 7)])
    with tenant_scope(shop):
        noted = list(AuditEvent.objects.filter(event="device_sequence_set").order_by("pk"))
        events = list(OutboxEvent.objects.filter(topic="register.device_sequence_set"))
    assert [(each.actor, each.target) for each in noted] == [(manager.pk, register.pk)] * 2
    assert [each.facts for each in noted] == [
        {"before": 1, "after": 50_000, "reason": "New device"},
        {"before": 50_000, "after": 7, "reason": ""},
    ]
    assert [each.data["last_device_sequence"] for each in events] == [50_000, 7]


def test_from_there_it_goes_on(till, sold, set_to, gaps, problem):
    set_to(50_000)

    assert sold(50_001)["flags"] == []
    assert results(till, last_sequence=60_001) == []
    problem(upload(till, last_sequence=60_002), 409, "sequence_jump")
    assert gaps()[:2] == (60_001, 1)


def test_a_key_makes_it_once(manager_client, register, shop):
    path, body = f"registers/{register.pk}/device-sequence/", {"last_device_sequence": 5}

    first, again = (manager_client.post(path, body, Idempotency_Key="k") for _ in range(2))

    assert first.json() == again.json() == {"register": str(register.pk), **body}
    assert again["Idempotent-Replayed"] == "true"
    assert count(shop, AuditEvent) == 1


@pytest.mark.parametrize("number", [-1, LARGEST + 1, "5", None])
def test_no_other_number_is_set(number, set_to, shop):
    before = snapshot_refund_rows(shop)

    answer = set_to(number)

    assert (answer.status_code, fields(answer)) == (400, ["last_device_sequence"])
    assert snapshot_refund_rows(shop) == before


def test_nobody_else_sets_it(till, set_to, foreign, manager_client, shop, problem):
    problem(set_to(5, by=till), 403, "permission_denied")
    body = {"last_device_sequence": 5}
    problem(
        manager_client.post(f"registers/{foreign.register.pk}/device-sequence/", body),
        404,
        "not_found",
    )
    with tenant_scope(shop):
        assert not RegisterSeries.objects.exclude(last_device_sequence=0).exists()


def test_a_device_that_is_paired_anew_learns_where_to_go_on(admin, till, sold, register, store):
    fresh = RegisterFactory(tenant=store.tenant, store=store, number=9)
    sold(41)
    sold(42)

    told = [
        Person(admin).post(f"registers/{each.pk}/pair/").json()["last_device_sequence"]
        for each in (register, fresh)
    ]

    assert told == [42, 0]


# --- at the same moment ---------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_orders_and_uploads_of_one_number_at_once_are_all_booked(till, product, make_product, gaps):
    many = make_product("2.50", stock="50")
    works = []
    for _ in range(6):
        works += [
            lambda: till.sold(line(many), payments=[cash("2.50")], device_sequence=1),
            lambda: upload_one_booked(till, build_offline_sale(1, build_offline_line(many))),
        ]

    orders = run_concurrently(works)

    assert sorted(each["flags"] for each in orders) == [[]] + [["sequence_taken"]] * 11
    assert gaps() == (1, 1, [])


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_numbers_that_come_in_any_order_at_once_leave_no_gap(till, make_product, gaps):
    many = make_product("2.50", stock="50")

    def work(number):
        if number % 2:
            return lambda: till.sold(line(many), payments=[cash("2.50")], device_sequence=number)
        return lambda: upload_one_booked(
            till, build_offline_sale(number, build_offline_line(many)), last_sequence=number
        )

    orders = run_concurrently([work(number) for number in range(12, 0, -1)])

    assert {tuple(each["flags"]) for each in orders} == {()}
    assert gaps() == (12, 12, [])
