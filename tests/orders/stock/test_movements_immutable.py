"""Stock movements are idempotent and append-only."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import StockMovement
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import ProductFactory
from tests.factories.tenants import StoreFactory
from tests.support.api import Person
from tests.support.stock import PATH
from tests.support.till import new_id

for_every_kind = pytest.mark.parametrize(
    "kind", ["receive", "adjust", "count", "waste", "transfer_out"]
)


# --- idempotency ---------------------------------------------------------------------------------


@for_every_kind
def test_repeated_movement_is_the_same_movement(stockroom, product, admin, kind):
    body = stockroom.body(kind, product, "3")
    first = stockroom.post(PATH, body)
    before = stockroom.books()

    again, by_another = stockroom.post(PATH, body), Person(admin).post(PATH, body)

    assert (first.status_code, again.status_code, by_another.status_code) == (201, 200, 200)
    assert first.json() == again.json() == by_another.json()
    assert stockroom.books() == before


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "4"},
        {"type": "waste", "to_store": None},
        {"reason": "Other"},
        {"to_store": "third"},
        {"occurred_at": "2025-01-01T00:00:00Z"},
    ],
)
def test_movement_id_with_other_content_is_a_conflict(stockroom, product, shop, problem, change):
    third = str(StoreFactory(tenant=shop).pk)
    body = stockroom.body("transfer_out", product, "3")
    stockroom.post(PATH, body)
    before = stockroom.books()

    changed = body | {name: third if value == "third" else value for name, value in change.items()}
    sent = {name: value for name, value in changed.items() if value is not None}
    problem(stockroom.post(PATH, sent), 409, "id_conflict")

    assert stockroom.post(PATH, body).status_code == 200
    assert stockroom.books() == before


def test_movement_id_of_another_product_is_a_conflict(stockroom, product, make_product, problem):
    taken = stockroom.moved("waste", product)
    other = make_product()
    before = stockroom.books()

    problem(stockroom.move("waste", other, id=taken["id"]), 409, "id_conflict")

    assert stockroom.books() == before


def test_repeated_movement_is_found_after_the_product_became_untracked(stockroom, product):
    body = stockroom.body("waste", product, "10")
    first = stockroom.post(PATH, body)
    stockroom.patch(f"products/{product.pk}/", {"track_stock": False}, If_Match="*")

    again = stockroom.post(PATH, body)

    assert (again.status_code, again.json()) == (200, first.json())
    assert stockroom.level(product) == 0


@for_every_kind
def test_movement_needs_an_id_or_key(stockroom, product, problem, kind):
    before = stockroom.books()

    problem(stockroom.move(kind, product, id=None), 400, "idempotency_key_required")

    assert stockroom.books() == before


# --- audit and constraints -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "event", "facts"),
    [
        ("receive", "stock_received", {"quantity": "3"}),
        ("adjust", "stock_adjusted", {"quantity": "3"}),
        ("waste", "stock_wasted", {"quantity": "-3"}),
        ("count", "stock_counted", {"quantity": "-7", "counted": "3"}),
        ("transfer_out", "stock_transferred", {"quantity": "-3"}),
    ],
)
def test_manual_movement_is_audited(stockroom, product, in_shop, kind, event, facts):
    shown = stockroom.moved(kind, product, "3", reason="Tuesday")
    if kind == "transfer_out":
        facts = facts | {"to_store": str(stockroom.second.pk)}

    movement = AuditEvent.objects.get(event=event)

    assert (movement.actor, movement.target, movement.target_name) == (
        stockroom.user.pk,
        product.pk,
        "Apple",
    )
    assert movement.facts == {
        "movement": shown["id"],
        "store": str(stockroom.store.pk),
        "reason": "Tuesday",
        **facts,
    }


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders_stockmovement SET quantity = 99",
        "UPDATE orders_stockmovement SET reason = 'Nothing happened'",
        "DELETE FROM orders_stockmovement",
    ],
)
def test_database_refuses_update_and_delete_of_movements(product, shop, sql):
    with (
        across_tenants(),
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    with tenant_scope(shop):
        movement = StockMovement.objects.get()
    assert (movement.quantity, movement.reason) == (10, "")


@pytest.mark.parametrize(
    "wrong",
    [
        {"quantity": 0},
        {"type": "count", "quantity": 1},
        {"counted": 1},
        {"type": "transfer_in"},
        {"transfer": new_id()},
    ],
)
def test_database_refuses_inconsistent_movements(in_shop, store, wrong):
    product = ProductFactory(tenant=in_shop)
    facts = {"type": "receive", "quantity": 1, "occurred_at": datetime(2025, 1, 1, tzinfo=UTC)}

    with pytest.raises(DatabaseError), transaction.atomic():
        StockMovement.objects.create(product=product, store=store, **(facts | wrong))

    assert not StockMovement.objects.exists()
