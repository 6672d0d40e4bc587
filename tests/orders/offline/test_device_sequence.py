"""Device sequences: one series for online and offline sales of a terminal."""

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
MAX_SEQUENCE = 2**31 - 1


@pytest.fixture
def gaps(manager_client, register):
    def get():
        answer = manager_client.get(f"registers/{register.pk}/gaps/").json()
        ranges = [(each["first"], each["last"]) for each in answer["ranges"]]
        return answer["issued"], answer["held"], ranges

    return get


@pytest.fixture
def sell(till, product):
    """`create(7)`: sell online with device sequence 7."""

    def create(number, **more):
        return till.sold(line(product), payments=[cash("2.50")], device_sequence=number, **more)

    return create


@pytest.fixture
def set_last_sequence(manager_client, register):
    def post(number, by=manager_client, **more):
        return by.post(
            f"registers/{register.pk}/device-sequence/", {"last_device_sequence": number, **more}
        )

    return post


# --- online sales ---------------------------------------------------------------------------------


def test_only_unused_numbers_are_gaps(till, sell, product, gaps):
    order = sell(1)
    upload_one_booked(till, build_offline_sale(2, build_offline_line(product)))
    sell(4)
    till.sold(line(product), payments=[cash("2.50")])

    assert (order["device_sequence"], order["sold_at"], order["flags"]) == (1, None, [])
    assert gaps() == (4, 3, [(3, 3)])


def test_open_order_holds_its_number(till, product, gaps):
    order = till.sold(line(product), device_sequence=1)

    assert (order["status"], gaps()) == ("open", (1, 1, []))


def test_repeated_order_with_another_number_is_a_conflict(till, product, gaps, problem, shop):
    body = till.order(line(product), payments=[cash("2.50")], device_sequence=1)

    assert till.post("orders/", body).status_code == 201
    assert till.post("orders/", body).json()["flags"] == []
    for other in (body | {"device_sequence": 2}, without_sequence(body)):
        problem(till.post("orders/", other), 409, "id_conflict")
    assert (count(shop), gaps()) == (1, (1, 1, []))


def without_sequence(body):
    return {name: value for name, value in body.items() if name != "device_sequence"}


@pytest.mark.parametrize("number", [0, -1, "1", 1.5, MAX_SEQUENCE + 1, True])
def test_invalid_device_sequence_is_refused(number, till, product, shop):
    body = till.order(line(product), device_sequence=number)

    answer = till.post("orders/", body)

    assert (answer.status_code, error_fields(answer)) == (400, ["device_sequence"])
    assert count(shop) == 0


def error_fields(answer):
    return [each["field"] for each in answer.json()["errors"]]


def test_second_order_with_the_same_number_is_booked_and_flagged(
    till, sell, product, gaps, register
):
    first, second = sell(1), sell(1)
    offline = upload_one_booked(till, build_offline_sale(1, build_offline_line(product)))
    upload_one_booked(till, build_offline_sale(2, build_offline_line(product)))
    after = sell(2)

    last_numbers = [each["flags"] for each in (first, second, offline, after)]
    assert last_numbers == [[], ["sequence_taken"], ["sequence_taken"], ["sequence_taken"]]
    assert gaps() == (2, 2, [])
    assert till.get("orders/", {"flag": "sequence_taken"}).json()["results"]


def test_each_register_has_its_own_series(till, tills, sell, product):
    sell(1)
    other = tills[0].sold(line(product), device_sequence=1)

    assert other["flags"] == []


def test_upload_with_the_id_but_another_number_is_rejected(till, sell, product):
    order = sell(1)
    item = build_offline_sale(2, build_offline_line(product), id=order["id"])

    (answer,) = results(till, item)
    (same,) = results(till, item | {"device_sequence": 1})

    assert (answer["status"], answer["code"]) == ("rejected", "id_reused")
    assert (same["status"], same["order"]["device_sequence"]) == ("duplicate", 1)


def test_online_sale_with_a_number_is_not_an_offline_sale(till, sell, shop, manager_client):
    """It has no upload time, and its chain entry is that of an online sale."""
    order = sell(1)

    with tenant_scope(shop):
        assert not Order.objects.get().is_offline
        assert "offline" not in ChainEntry.objects.get().content
        last_numbers = OutboxEvent.objects.get(topic="order.completed").data
        assert list(verify_chains()) == []
    assert (last_numbers["device_sequence"], "sold_at" in last_numbers) == (1, False)
    text = till.get(f"orders/{order['id']}/receipt/", {"format": "text"}).content.decode()
    assert "Till sale no." in text
    assert "Booked" not in text


def test_calculate_accepts_a_device_sequence(till, product, shop):
    body = without_sequence(till.order(line(product))) | {"device_sequence": 5}

    assert till.post("orders/calculate/", body).status_code == 200
    assert count(shop) == 0


# --- jumps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [10_001, MAX_SEQUENCE])
def test_last_sequence_with_a_large_jump_is_refused_and_the_upload_succeeds_without_it(
    last, till, product, shop, gaps, problem
):
    item = build_offline_sale(1, build_offline_line(product))
    before = snapshot_refund_rows(shop)

    last_numbers = problem(upload(till, item, last_sequence=last, key="k"), 409, "sequence_jump")

    assert (last_numbers["last_sequence"], last_numbers["held"], last_numbers["max_jump"]) == (
        last,
        0,
        10_000,
    )
    assert snapshot_refund_rows(shop) == before
    upload_one_booked(till, item, key="k")
    assert gaps() == (1, 1, [])


def test_last_sequence_jump_is_measured_from_received_numbers(till, gaps, problem):
    assert results(till, last_sequence=10_000) == []
    problem(upload(till, last_sequence=10_001), 409, "sequence_jump")

    assert gaps() == (10_000, 0, [(1, 10_000)])


def test_sale_with_a_large_jump_is_flagged_and_does_not_move_the_series(till, sell, product, gaps):
    jump, next_ = upload_all_booked(
        till,
        build_offline_sale(MAX_SEQUENCE, build_offline_line(product)),
        build_offline_sale(1, build_offline_line(product)),
    )
    online = sell(MAX_SEQUENCE - 1)
    near = sell(10_001)

    assert [each["flags"] for each in (jump, next_, online, near)] == [
        ["sequence_jump"],
        [],
        ["sequence_jump"],
        [],
    ]
    assert gaps() == (10_001, 2, [(2, 10_000)])


def test_rejected_sale_with_a_large_jump_does_not_move_the_series(till, product, gaps):
    results(
        till,
        build_offline_sale(MAX_SEQUENCE, build_offline_line(product), payments=[]),
        build_offline_sale(1, build_offline_line(product)),
    )

    assert gaps() == (1, 1, [])


def test_setting_the_last_number_repairs_a_series_moved_by_a_jump(
    till, product, sell, gaps, set_last_sequence, register
):
    """Series may hold such jumps from before the check existed."""
    for number in (1, 2, 4):
        sell(number)
    with tenant_scope(register.tenant):
        RegisterSeries.objects.update(last_device_sequence=MAX_SEQUENCE, held_device_sequence=None)
        Order.objects.filter(device_sequence=4).update(device_sequence=MAX_SEQUENCE)
    assert gaps()[0] == MAX_SEQUENCE

    assert set_last_sequence(4).status_code == 200

    assert gaps() == (4, 2, [(3, 4)])
    assert sell(5)["flags"] == []
    assert gaps() == (5, 3, [(3, 4)])


def test_series_without_held_number_continues_from_the_last_number(sell, register, gaps):
    sell(1)
    with tenant_scope(register.tenant):
        RegisterSeries.objects.update(last_device_sequence=50_000, held_device_sequence=None)

    assert sell(50_001)["flags"] == []
    assert gaps()[:2] == (50_001, 2)


# --- setting the last number ----------------------------------------------------------------------


def test_manager_sets_the_last_number_up_and_down(
    till, manager, sell, gaps, set_last_sequence, shop, register
):
    sell(1)

    answers = [
        set_last_sequence(50_000, reason="New device"),
        set_last_sequence(50_000),
        set_last_sequence(7),
    ]

    last_numbers = [(each.status_code, each.json()["last_device_sequence"]) for each in answers]
    assert last_numbers == [(200, 50_000), (200, 50_000), (200, 7)]
    assert gaps() == (7, 1, [(2, 7)])
    with tenant_scope(shop):
        audited = list(AuditEvent.objects.filter(event="device_sequence_set").order_by("pk"))
        events = list(OutboxEvent.objects.filter(topic="register.device_sequence_set"))
    assert [(each.actor, each.target) for each in audited] == [(manager.pk, register.pk)] * 2
    assert [each.facts for each in audited] == [
        {"before": 1, "after": 50_000, "reason": "New device"},
        {"before": 50_000, "after": 7, "reason": ""},
    ]
    assert [each.data["last_device_sequence"] for each in events] == [50_000, 7]


def test_jump_is_measured_from_the_number_set(till, sell, set_last_sequence, gaps, problem):
    set_last_sequence(50_000)

    assert sell(50_001)["flags"] == []
    assert results(till, last_sequence=60_001) == []
    problem(upload(till, last_sequence=60_002), 409, "sequence_jump")
    assert gaps()[:2] == (60_001, 1)


def test_setting_the_number_with_a_key_runs_once(manager_client, register, shop):
    path, body = f"registers/{register.pk}/device-sequence/", {"last_device_sequence": 5}

    first, again = (manager_client.post(path, body, Idempotency_Key="k") for _ in range(2))

    assert first.json() == again.json() == {"register": str(register.pk), **body}
    assert again["Idempotent-Replayed"] == "true"
    assert count(shop, AuditEvent) == 1


@pytest.mark.parametrize("number", [-1, MAX_SEQUENCE + 1, "5", None])
def test_setting_an_invalid_number_is_refused(number, set_last_sequence, shop):
    before = snapshot_refund_rows(shop)

    answer = set_last_sequence(number)

    assert (answer.status_code, error_fields(answer)) == (400, ["last_device_sequence"])
    assert snapshot_refund_rows(shop) == before


def test_only_managers_of_the_shop_set_the_number(
    till, set_last_sequence, foreign, manager_client, shop, problem
):
    problem(set_last_sequence(5, by=till), 403, "permission_denied")
    body = {"last_device_sequence": 5}
    problem(
        manager_client.post(f"registers/{foreign.register.pk}/device-sequence/", body),
        404,
        "not_found",
    )
    with tenant_scope(shop):
        assert not RegisterSeries.objects.exclude(last_device_sequence=0).exists()


def test_pairing_returns_the_last_number(admin, till, sell, register, store):
    unused = RegisterFactory(tenant=store.tenant, store=store, number=9)
    sell(41)
    sell(42)

    last_numbers = [
        Person(admin).post(f"registers/{each.pk}/pair/").json()["last_device_sequence"]
        for each in (register, unused)
    ]

    assert last_numbers == [42, 0]


# --- concurrent requests --------------------------------------------------------------------------


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_orders_with_one_number_are_all_booked(till, product, make_product, gaps):
    product_in_stock = make_product("2.50", stock="50")
    calls = []
    for _ in range(6):
        calls += [
            lambda: till.sold(line(product_in_stock), payments=[cash("2.50")], device_sequence=1),
            lambda: upload_one_booked(
                till, build_offline_sale(1, build_offline_line(product_in_stock))
            ),
        ]

    orders = run_concurrently(calls)

    assert sorted(each["flags"] for each in orders) == [[]] + [["sequence_taken"]] * 11
    assert gaps() == (1, 1, [])


@pytest.mark.postgres
@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_orders_in_any_number_order_leave_no_gap(till, make_product, gaps):
    product_in_stock = make_product("2.50", stock="50")

    def work(number):
        if number % 2:
            return lambda: till.sold(
                line(product_in_stock), payments=[cash("2.50")], device_sequence=number
            )
        return lambda: upload_one_booked(
            till,
            build_offline_sale(number, build_offline_line(product_in_stock)),
            last_sequence=number,
        )

    orders = run_concurrently([work(number) for number in range(12, 0, -1)])

    assert {tuple(each["flags"]) for each in orders} == {()}
    assert gaps() == (12, 12, [])
