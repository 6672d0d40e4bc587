"""Indexes of tables that sales write are built while sales go on."""

from threading import Event

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.migrations.state import ProjectState

from orders.models import Order
from tenants.database.concurrent_indexes import (
    BuildCheckConstraint,
    BuildIndex,
    BuildUniqueConstraint,
)
from tenants.database.postgres.roles import as_owner
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import OrderFactory
from tests.support.locks import wait_until_blocked
from tests.support.parallel import run_concurrently

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
INDEX = models.Index(fields=["tenant", "note"], name="order_by_note")
CONSTRAINTS = {
    "of all rows": models.UniqueConstraint(fields=["tenant", "note"], name="note_is_unique"),
    "of some rows": models.UniqueConstraint(
        fields=["tenant", "note"], condition=models.Q(number="1-000001"), name="note_is_unique"
    ),
}
CHECK = models.CheckConstraint(condition=~models.Q(note="Wrong"), name="note_is_right")
IS_VALIDATED_SQL = "SELECT convalidated FROM pg_constraint WHERE conname = 'note_is_right'"
FOUND_SQL = """
SELECT indisvalid AND indisready, indisunique, conname IS NOT NULL
FROM pg_index LEFT JOIN pg_constraint ON conindid = indexrelid
WHERE indexrelid = to_regclass(%s)
"""


@pytest.fixture(autouse=True)
def owner():
    with as_owner(connection):
        yield
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE orders_order DROP CONSTRAINT IF EXISTS note_is_unique")
            cursor.execute("ALTER TABLE orders_order DROP CONSTRAINT IF EXISTS note_is_right")
            cursor.execute("DROP INDEX IF EXISTS order_by_note, note_is_unique")


@pytest.fixture
def order(cashier, register):
    return OrderFactory(cashier=cashier, register=register, number="1-000001")


def build(operation):
    state = ProjectState.from_apps(Order._meta.apps)
    with connection.schema_editor(atomic=False) as editor:
        operation.database_forwards("orders", editor, state, state)


def find_index(name):
    """Return whether it is valid, unique and belongs to a constraint; None without an index."""
    with connection.cursor() as cursor:
        cursor.execute(FOUND_SQL, [name])
        return cursor.fetchone()


def test_orders_are_written_while_an_index_is_built(order, shop):
    """A transaction that runs when the build begins delays the build, and nobody else."""
    started, written = Event(), Event()

    def sell_slowly():
        with tenant_scope(shop), transaction.atomic():
            Order.objects.filter(pk=order.pk).update(note="slow")
            started.set()
            assert written.wait(60)

    def sell_meanwhile():
        assert started.wait(30)
        wait_until_blocked()
        with tenant_scope(shop):
            OrderFactory(cashier=order.cashier, register=order.register, number="1-000002")
        written.set()

    def build_index():
        assert started.wait(30)
        build(BuildIndex("order", INDEX))

    assert run_concurrently([sell_slowly, sell_meanwhile, build_index]) == [None, None, None]
    assert find_index("order_by_note") == (True, False, False)


@pytest.mark.parametrize("kind", CONSTRAINTS)
def test_unique_constraint_is_enforced(kind, order):
    build(BuildUniqueConstraint("order", CONSTRAINTS[kind]))

    assert find_index("note_is_unique") == (True, True, kind == "of all rows")


def test_interrupted_build_is_repeated(order, shop):
    """Two rows have the same note: the build fails, and leaves an index that is not valid."""
    with tenant_scope(shop):
        OrderFactory(cashier=order.cashier, register=order.register, number="1-000002")
    operation = BuildUniqueConstraint("order", CONSTRAINTS["of all rows"])
    outcomes = run_concurrently([lambda: build(operation)])
    assert type(outcomes[0]).__name__ == "IntegrityError"
    assert find_index("note_is_unique") == (False, True, False)
    with across_tenants():
        Order.objects.filter(pk=order.pk).update(note="Changed")

    for _ in range(2):
        build(operation)

    assert find_index("note_is_unique") == (True, True, True)


def is_validated():
    with connection.cursor() as cursor:
        cursor.execute(IS_VALIDATED_SQL)
        return cursor.fetchone()


def test_check_constraint_is_enforced(order, shop):
    build(BuildCheckConstraint("order", CHECK))

    assert is_validated() == (True,)
    with tenant_scope(shop), pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(note="Wrong")


def test_interrupted_check_is_repeated(order):
    """A stored row violates the constraint, which is left without being validated."""
    with across_tenants():
        Order.objects.filter(pk=order.pk).update(note="Wrong")
    with pytest.raises(IntegrityError):
        build(BuildCheckConstraint("order", CHECK))
    assert is_validated() == (False,)
    with across_tenants():
        Order.objects.filter(pk=order.pk).update(note="Changed")

    for _ in range(2):
        build(BuildCheckConstraint("order", CHECK))

    assert is_validated() == (True,)
