"""Closed shifts are append-only in the database."""

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import Shift
from tenants.scope import across_tenants, tenant_scope
from tests.support.shifts import close_shift, end_shift, open_shift

CHANGES = {
    "reopened": "UPDATE orders_shift SET status = 'open'",
    "other count": "UPDATE orders_shift SET counted = '[]'",
    "other Z report": "UPDATE orders_shift SET z_report = '{}'",
    "other Z number": "UPDATE orders_shift SET z_number = 7",
    "unchanged value": "UPDATE orders_shift SET note = note",
    "deleted": "DELETE FROM orders_shift",
}


@pytest.fixture
def shift(till):
    return open_shift(till)


def load_row(shop):
    with tenant_scope(shop):
        return Shift.objects.values().get()


@pytest.mark.parametrize("how", CHANGES)
def test_database_refuses_changes_of_a_closed_shift(how, till, shift, shop):
    assert close_shift(till, shift, "100.00").status_code == 200
    before = load_row(shop)

    refused = pytest.raises(DatabaseError, match="append-only")
    with across_tenants(), refused, transaction.atomic():
        connection.cursor().execute(CHANGES[how])

    assert load_row(shop) == before


def test_model_cannot_change_a_closed_shift(till, shift, shop):
    close_shift(till, shift, "100.00")
    before = load_row(shop)

    with tenant_scope(shop), pytest.raises(DatabaseError), transaction.atomic():
        Shift.objects.get().save_changes("note")

    assert load_row(shop) == before


@pytest.mark.parametrize("status", ["open", "ended"])
def test_shift_can_be_changed_until_it_is_closed(status, till, shift, shop):
    if status == "ended":
        end_shift(till, shift)
    with tenant_scope(shop):
        Shift.objects.update(note="Not yet")

    assert (load_row(shop)["status"], load_row(shop)["note"]) == (status, "Not yet")


def test_database_refuses_closing_without_a_z_report(till, shift, shop):
    close_it = "UPDATE orders_shift SET status = 'closed'"
    with across_tenants(), pytest.raises(DatabaseError), transaction.atomic():
        connection.cursor().execute(close_it)

    assert load_row(shop)["status"] == "open"
