"""Batches of stock movements: all or none, in their order, with few statements."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import StockLevel, StockMovement
from orders.services.stock.consistency import find_stock_differences
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory, StockLevelFactory
from tests.factories.tenants import StoreFactory
from tests.orders.stock.test_stock_races import count_deadlocks
from tests.support.parallel import run_concurrently, statuses
from tests.support.stock import PATH, Stockroom
from tests.support.till import new_id

BATCH = f"{PATH}batch/"


@pytest.fixture
def room(manager, store, shop):
    return Stockroom(manager, store, StoreFactory(tenant=shop, name="Second"))


@pytest.fixture
def products(shop):
    return [ProductFactory(tenant=shop, sku=f"P-{number}") for number in range(3)]


def list_quantities(shop):
    with tenant_scope(shop):
        rows = StockLevel.objects.order_by("store__name", "product__sku")
        return [
            (store, sku, str(quantity.normalize()))
            for store, sku, quantity in rows.values_list("store__name", "product__sku", "quantity")
        ]


def test_batch_records_every_kind_of_movement_in_its_order(room, shop, products):
    first, second, third = products
    movements = [
        room.body("receive", first, "10"),
        room.body("waste", first, "1"),
        room.body("count", first, "8"),
        room.body("transfer_out", first, "3"),
        room.body("receive", second, "4"),
        room.body("adjust", second, "-1.000"),
        room.body("count", third, "0"),
    ]

    answer = room.post(BATCH, {"movements": movements})

    assert answer.status_code == 201, answer.content
    assert answer.json()["created"] == 7
    assert [each["id"] for each in answer.json()["movements"]] == [each["id"] for each in movements]
    assert [each["quantity"] for each in answer.json()["movements"]] == [
        *("10", "-1", "-1", "-3", "4", "-1", "0")
    ]
    assert list_quantities(shop) == [
        *(("Main", "P-0", "5"), ("Main", "P-1", "3"), ("Main", "P-2", "0")),
        ("Second", "P-0", "3"),
    ]
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []
        audited = AuditEvent.objects.filter(event__startswith="stock_").order_by("created_at", "id")
        assert sorted(audited.values_list("event", flat=True)) == [
            *("stock_adjusted", "stock_counted", "stock_counted"),
            *("stock_received", "stock_received", "stock_transferred", "stock_wasted"),
        ]
        events = OutboxEvent.objects.filter(topic="stock_level.updated")
        assert events.count() == 3


def test_batch_does_what_single_movements_do(room, shop, products):
    kinds = (("receive", "5"), ("count", "4"), ("waste", "2"), ("adjust", "7"))
    for kind, quantity in kinds:
        room.moved(kind, products[0], quantity)

    batch = [room.body(kind, products[1], quantity) for kind, quantity in kinds]
    assert room.post(BATCH, {"movements": batch}).status_code == 201

    def list_rows(product):
        columns = ("type", "quantity", "counted", "reason", "store", "by")
        with tenant_scope(shop):
            rows = StockMovement.objects.filter(product=product).order_by("created_at", "id")
            return sorted(rows.values_list(*columns)), room.level(product)

    assert list_rows(products[0]) == list_rows(products[1])


def test_movement_at_an_earlier_time_is_offset_by_a_count_of_the_batch(room, shop, products):
    earlier = "2026-01-01T10:00:00Z"
    movements = [
        room.body("count", products[0], "5"),
        room.body("receive", products[0], "3", occurred_at=earlier),
        room.body("count", products[0], "9", occurred_at=earlier),
    ]

    answer = room.post(BATCH, {"movements": movements})

    assert answer.status_code == 201, answer.content
    assert list_quantities(shop) == [("Main", "P-0", "5")]
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []


def test_repeated_batch_moves_nothing_twice(room, shop, products):
    body = {"movements": [room.body("receive", each, "2") for each in products]}
    room.post(BATCH, body)
    before = room.books()
    body["movements"].append(room.body("receive", products[0], "1"))

    longer = room.post(BATCH, body)
    same = room.post(BATCH, body)

    assert (longer.status_code, longer.json()["created"]) == (201, 1)
    assert (same.status_code, same.json()["created"]) == (200, 0)
    assert same.json()["movements"] == longer.json()["movements"]
    assert room.books() != before
    assert room.level(products[0]) == 3


def test_batch_without_ids_needs_a_key(room, shop, products, problem):
    bodies = [room.body("receive", each, "2") for each in products]
    for body in bodies:
        del body["id"]
    before = room.books()

    problem(room.post(BATCH, {"movements": bodies}), 400, "idempotency_key_required")
    assert room.books() == before

    first, again = (room.post(BATCH, {"movements": bodies}, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again["Idempotent-Replayed"] == "true"
    assert len({each["id"] for each in first.json()["movements"]}) == 3


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"quantity": "0"}, ("movements[1].quantity", "zero")),
        ({"quantity": "1.5"}, ("movements[1].quantity", "not_whole")),
        ({"quantity": "x"}, ("movements[1].quantity", "invalid")),
        ({"product": new_id()}, ("movements[1].product", "does_not_exist")),
        ({"store": new_id()}, ("movements[1].store", "does_not_exist")),
        ({"type": "sale"}, ("movements[1].type", "invalid_choice")),
        ({"extra": 1}, ("movements[1].extra", "unknown_field")),
        (
            {"occurred_at": "2999-01-01T00:00:00Z"},
            ("movements[1].occurred_at", "in_the_future"),
        ),
    ],
)
def test_wrong_movement_refuses_the_whole_batch(room, products, problem, change, error):
    before = room.books()
    movements = [room.body("receive", each, "2") for each in products]
    movements[1] |= change

    problem(room.post(BATCH, {"movements": movements}), 400, "invalid", dict([error]))
    assert room.books() == before


def test_missing_stock_refuses_the_whole_batch(room, products, problem):
    StockLevelFactory(product=products[1], store=room.store, quantity=Decimal(2))
    before = room.books()
    movements = [
        room.body("receive", products[0]),
        room.body("receive", products[1], "3"),
        room.body("waste", products[1], "6"),
    ]

    answer = room.post(BATCH, {"movements": movements})

    problem(answer, 409, "insufficient_stock")
    assert (answer.json()["index"], answer.json()["short"][0]["available"]) == (2, "5")
    assert room.books() == before


def test_repeated_id_and_too_many_movements_are_refused(room, products, problem):
    body = room.body("receive", products[0])
    before = room.books()

    problem(
        room.post(BATCH, {"movements": [body, body]}),
        400,
        "invalid",
        {"movements[1].id": "repeated"},
    )
    problem(room.post(BATCH, {"movements": []}), 400, "invalid", {"movements": "empty"})
    problem(
        room.post(BATCH, {"movements": [body] * 501}), 400, "invalid", {"movements": "max_length"}
    )
    assert room.books() == before


def test_id_with_other_content_is_a_conflict_with_its_index(room, products, problem):
    known = room.body("receive", products[0], "2")
    room.post(PATH, known)
    before = room.books()

    answer = room.post(
        BATCH, {"movements": [room.body("receive", products[1]), known | {"quantity": "3"}]}
    )

    problem(answer, 409, "id_conflict")
    assert answer.json()["index"] == 1
    assert room.books() == before


def test_number_of_statements_does_not_depend_on_the_size(room, shop):
    def count_statements(number):
        products = [ProductFactory(tenant=shop) for _ in range(number)]
        body = {"movements": [room.body("receive", each) for each in products]}
        with CaptureQueriesContext(connection) as queries:
            assert room.post(BATCH, body).status_code == 201
        return len(queries)

    count_statements(2)
    assert count_statements(2) == count_statements(60)


def test_low_stock_is_published_once(room, shop, products):
    StockLevelFactory(
        product=products[0], store=room.store, quantity=Decimal(10), reorder_point=Decimal(5)
    )

    room.post(BATCH, {"movements": [room.body("waste", products[0], "3") for _ in range(2)]})

    with tenant_scope(shop):
        assert OutboxEvent.objects.filter(topic="stock.low").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_batches_in_opposite_order_do_not_deadlock(transactional_db, room, products, shop):
    before = count_deadlocks()

    def send(chosen):
        return room.post(BATCH, {"movements": [room.body("receive", each) for each in chosen]})

    answers = run_concurrently(
        [lambda chosen=chosen: send(chosen) for chosen in (products, products[::-1]) * 4]
    )

    assert statuses(answers) == {201: 8}
    assert count_deadlocks() == before
    assert [room.level(each) for each in products] == [8, 8, 8]
    with tenant_scope(shop):
        assert list(find_stock_differences(shop)) == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_same_batch_sent_at_the_same_time_moves_once(transactional_db, room, products):
    body = {"movements": [room.body("receive", each, "2") for each in products]}

    answers = run_concurrently([lambda: room.post(BATCH, body)] * 6)

    assert set(statuses(answers)) <= {200, 201, 409}
    assert statuses(answers)[201] == 1
    assert [room.level(each) for each in products] == [2, 2, 2]


def test_cashier_may_not_move_stock(room, client_of, cashier, products, problem):
    body = {"movements": [room.body("receive", products[0])]}

    problem(client_of(cashier).post(BATCH, body), 403, "permission_denied")
    assert list_quantities(room.store.tenant) == []
