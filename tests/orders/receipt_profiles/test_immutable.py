"""Versions of receipt profiles cannot be changed, and `verify_chain` finds it if they were."""

import pytest
from django.db import DatabaseError, connection, transaction

from orders.models import ChainEntry, ReceiptProfile, Shift
from tenants.scope import across_tenants, tenant_scope
from tests.orders.documents.test_verify_chain import (
    INTACT,
    execute_without_triggers,
    run_verify_chain,
)
from tests.support.receipt_profiles import create_profile
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db
__all__ = ["run_verify_chain"]


@pytest.fixture
def day(store, manager, till, manager_client, make_product, register, shop):
    """A shift with a sale, a refund and a Z report of the first of two versions."""
    first = create_profile(store, manager)
    opened = till.post("shifts/", {"id": new_id(), "register": str(register.pk)}).json()
    order = till.sold(line(make_product("2.50"), "2"), payments=[cash("5.00")])
    body = {"id": new_id(), "reason": "bad", "amount": "1.00"}
    assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201
    counted = {"counted": [{"method": "cash", "amount": "4.00"}]}
    assert till.post(f"shifts/{opened['id']}/close/", counted).status_code == 200
    create_profile(store, manager, legal_name="Other")
    with tenant_scope(shop):
        assert ChainEntry.objects.count() == 3
    return first


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE orders_receiptprofile SET legal_name = 'Other'",
        "UPDATE orders_receiptprofile SET updated_at = created_at",
        "DELETE FROM orders_receiptprofile",
    ],
)
def test_database_refuses_changes_of_a_version(day, sql, shop):
    with tenant_scope(shop):
        before = list(ReceiptProfile.objects.order_by("pk").values())

    with (
        pytest.raises(DatabaseError, match="append-only"),
        across_tenants(),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    with tenant_scope(shop):
        assert list(ReceiptProfile.objects.order_by("pk").values()) == before


def test_closed_shift_still_cannot_be_changed(day, shop):
    """SQLite drops the triggers of a table that a migration rebuilds."""
    with pytest.raises(DatabaseError, match="append-only"), tenant_scope(shop):
        Shift.objects.update(profile=None)


def test_chain_with_profiles_is_intact(day, run_verify_chain, till, make_product):
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    assert run_verify_chain() == (INTACT, 0)


def test_entries_from_before_the_first_profile_stay_valid(
    till, make_product, store, manager, run_verify_chain, shop
):
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])
    create_profile(store, manager)
    till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    assert run_verify_chain() == (INTACT, 0)
    with tenant_scope(shop):
        contents = list(ChainEntry.objects.order_by("sequence").values_list("content", flat=True))
    assert ["receipt_profile" in content for content in contents] == [False, True]


@pytest.mark.parametrize(
    "change",
    [
        "legal_name = 'Other'",
        "address = ''",
        "tax_numbers = '[]'",
        "header = '[]'",
        "footer = '[\"x\"]'",
        "return_policy = ''",
        "logo = NULL",
        "logo_hash = ''",
        "language = 'pl'",
        "paper_mm = 80",
        "code_page = 'pc852'",
        "drawer_pulse = NOT drawer_pulse",
    ],
)
def test_changed_version_is_found(day, run_verify_chain, change):
    execute_without_triggers(f"UPDATE orders_receiptprofile SET {change} WHERE version = 1")  # noqa: S608

    text, code = run_verify_chain()

    assert code == 1
    findings = [row.split("\t") for row in text.splitlines()]
    assert [row[2:4] for row in findings if row[2]] == [
        *(["1", "receipt"], ["2", "refund"], ["3", "z_report"])
    ]
    assert any(str(day.pk) in row[4] and row[3] == "receipt_profile" for row in findings)


@pytest.mark.parametrize(
    ("table", "kind"),
    [("orders_receipt", "receipt"), ("orders_refund", "refund"), ("orders_shift", "z_report")],
)
def test_document_with_another_version_is_found(day, run_verify_chain, table, kind, shop):
    with tenant_scope(shop):
        other = ReceiptProfile.objects.get(version=2)
    key = other.pk if connection.vendor == "postgresql" else other.pk.hex
    execute_without_triggers(f"UPDATE {table} SET profile_id = %s", key)  # noqa: S608

    text, code = run_verify_chain()

    assert code == 1
    assert kind in text
    assert "differs from the database" in text
