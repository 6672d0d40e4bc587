"""A closed shift is what it was when it was closed, whoever asks the database."""

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import Shift
from tenants.scope import across_tenants, tenant_scope
from tests.support.shifts import close_shift, end_shift, open_shift

CHANGES = {
    "reopened": "UPDATE orders_shift SET status = 'open'",
    "counted otherwise": "UPDATE orders_shift SET counted = '[]'",
    "another Z": "UPDATE orders_shift SET z_report = '{}'",
    "another number": "UPDATE orders_shift SET z_number = 7",
    "touched": "UPDATE orders_shift SET note = note",
    "deleted": "DELETE FROM orders_shift",
}


@pytest.fixture
def shift(till):
    return open_shift(till)


def row(shop):
    with tenant_scope(shop):
        return Shift.objects.values().get()


@pytest.mark.parametrize("how", CHANGES)
def test_the_database_refuses_to_change_it(how, till, shift, shop):
    assert close_shift(till, shift, "100.00").status_code == 200
    before = row(shop)

    refused = pytest.raises(DatabaseError, match="append-only")
    with across_tenants(), refused, transaction.atomic():
        connection.cursor().execute(CHANGES[how])

    assert row(shop) == before


def test_the_model_cannot_change_it_either(till, shift, shop):
    close_shift(till, shift, "100.00")
    before = row(shop)

    with tenant_scope(shop), pytest.raises(DatabaseError), transaction.atomic():
        Shift.objects.get().save_changes("note")

    assert row(shop) == before


@pytest.mark.parametrize("status", ["open", "ended"])
def test_until_then_it_changes(status, till, shift, shop):
    if status == "ended":
        end_shift(till, shift)
    with tenant_scope(shop):
        Shift.objects.update(note="Not yet")

    assert (row(shop)["status"], row(shop)["note"]) == (status, "Not yet")


def test_a_shift_is_not_closed_without_its_z(till, shift, shop):
    close_it = "UPDATE orders_shift SET status = 'closed'"
    with across_tenants(), pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute(close_it)

    assert row(shop)["status"] == "open"
