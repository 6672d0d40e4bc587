"""`verify_chain` finds every row that was changed, removed or added in the database."""

import uuid
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from orders.models import ChainEntry, Order, Receipt, RegisterSeries
from orders.services import verification
from orders.services.completion.hash_chain import compute_hash
from tenants.models import Register
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.till import cash, line, new_id
from tests.support.truncation import without_triggers

INTACT = "All hash chains are intact.\n"
DIFFERS = "differs from the database"


@pytest.fixture
def day(till, manager_client, make_product, register, shop):
    """A shift with three sales, one refund of two parts and a Z: five entries."""
    body = {"id": new_id(), "register": str(register.pk), "opening_float": "100.00"}
    shift = till.post("shifts/", body).json()
    apple, pear = make_product("2.50", name="Apple"), make_product("1.25", name="Pear")
    first, *_ = (
        till.sold(line(apple, "2"), line(pear), payments=[cash("6.25", tendered="10.00")])
        for _ in range(3)
    )
    refund_lines = [{"line": each["id"], "quantity": "1"} for each in first["lines"]]
    body = {"id": new_id(), "reason": "bad", "lines": refund_lines, "register": str(register.pk)}
    assert manager_client.post(f"orders/{first['id']}/refunds/", body).status_code == 201
    counted = {"counted": [{"method": "cash", "amount": "115.00"}]}
    assert till.post(f"shifts/{shift['id']}/close/", counted).status_code == 200
    with tenant_scope(shop):
        assert ChainEntry.objects.count() == 5
    return shop


@pytest.fixture
def run_verify_chain():
    """Return a function that runs the command and returns its output and exit code."""

    def check(*options):
        out = StringIO()
        try:
            call_command("verify_chain", *options, stdout=out)
        except CommandError as error:
            return out.getvalue(), error.returncode
        return out.getvalue(), 0

    return check


def execute_without_triggers(sql, *params):
    """Execute SQL as the database owner could: with the append-only triggers disabled."""
    if settings.IS_SQLITE:
        statements = without_triggers([sql])
    else:
        role = "SET LOCAL session_replication_role ="
        statements = [f"{role} replica", sql, f"{role} origin"]
    with across_tenants(), transaction.atomic(), connection.cursor() as cursor:
        for each in statements:
            cursor.execute(each, params if each == sql else None)


def entry(sequence):
    return ChainEntry.objects.get(sequence=sequence)


def test_unchanged_chain_is_intact(run_verify_chain, day):
    assert run_verify_chain() == (INTACT, 0)
    assert run_verify_chain("--tenant", "green") == (INTACT, 0)


def test_register_without_sales_is_intact(run_verify_chain, register):
    assert run_verify_chain() == (INTACT, 0)


def test_refund_and_prints_after_the_sale_are_no_findings(run_verify_chain, day, manager_client):
    with tenant_scope(day):
        sold = Order.objects.order_by("number").last()
    body = {"id": new_id(), "reason": "all of it"}
    assert manager_client.post(f"orders/{sold.pk}/refunds/", body).status_code == 201
    for form in ("text", "html"):
        manager_client.get(f"orders/{sold.pk}/receipt/", {"format": form})

    assert run_verify_chain() == (INTACT, 0)


@pytest.mark.parametrize(
    ("sql", "sequence", "kind"),
    [
        ("UPDATE orders_order SET tax_total = tax_total + 1", 1, "receipt"),
        ("UPDATE orders_orderline SET name = 'Plum' WHERE name = 'Pear'", 1, "receipt"),
        ("UPDATE orders_payment SET method = 'other'", 1, "receipt"),
        ("UPDATE orders_receipt SET number = number + 100", 1, "receipt"),
        ("UPDATE orders_refund SET total = total - 1", 4, "refund"),
        ("UPDATE orders_payout SET paid = paid - 1", 4, "refund"),
        ("UPDATE orders_refundline SET quantity = quantity - 1", 4, "refund"),
        ("UPDATE orders_shift SET note = 'nothing to see'", 5, "z_report"),
        ("UPDATE orders_order SET subtotal = subtotal - 1", 5, "z_report"),
    ],
)
def test_changed_row_of_a_chained_document_is_found(run_verify_chain, day, sql, sequence, kind):
    execute_without_triggers(sql)

    text, code = run_verify_chain()

    assert code == 1
    findings = [row.split("\t") for row in text.splitlines()]
    assert ["green", "Till 1", str(sequence), kind] in [row[:4] for row in findings]
    assert all(row[4].endswith(DIFFERS) for row in findings)


def test_changed_order_total_is_found_at_its_receipt(run_verify_chain, day):
    with tenant_scope(day):
        receipt = Receipt.objects.get(number=2)
        Order.objects.filter(receipt=receipt).update(total=1, cash_rounding="5.25")

    text, code = run_verify_chain()

    assert code == 1
    assert f"green\tTill 1\t2\treceipt\t{receipt.pk} {DIFFERS}\n" in text


def test_changed_entry_content_is_found_by_its_hash(run_verify_chain, day):
    execute_without_triggers("UPDATE orders_chainentry SET content = '{}' WHERE sequence = 2")

    text, code = run_verify_chain()

    assert code == 1
    assert "green\tTill 1\t2\treceipt\tits hash does not match its content\n" in text
    assert DIFFERS in text
    assert "\t3\t" not in text


def test_rehashed_entry_breaks_the_next_link(run_verify_chain, day):
    with tenant_scope(day):
        hash = compute_hash(entry(2).previous_hash, "{}")
    execute_without_triggers(
        "UPDATE orders_chainentry SET content = '{}', hash = %s WHERE sequence = 2", hash
    )

    text, code = run_verify_chain()

    assert code == 1
    assert "green\tTill 1\t3\treceipt\tdoes not contain the hash of the previous entry\n" in text


def test_missing_entry_is_found_with_its_subject(run_verify_chain, day):
    with tenant_scope(day):
        lost = entry(2).subject
    execute_without_triggers("DELETE FROM orders_chainentry WHERE sequence = 2")

    text, code = run_verify_chain()

    assert code == 1
    assert "green\tTill 1\t3\treceipt\tfollows entry 1: entries are missing or repeated\n" in text
    assert f"green\tTill 1\t\treceipt\t{lost} has no entry\n" in text


def test_entry_added_at_the_end_is_found(run_verify_chain, day, register):
    with tenant_scope(day):
        last = entry(5)
        ChainEntry.objects.create(
            register=register,
            sequence=6,
            kind="receipt",
            subject=uuid.uuid4(),
            content="{}",
            previous_hash=last.hash,
            hash=compute_hash(last.hash, "{}"),
        )

    text, code = run_verify_chain()

    assert (code, text) == (
        1,
        "green\tTill 1\t6\treceipt\tis after the register's last entry\n",
    )


def test_added_entry_with_updated_series_has_no_document(run_verify_chain, day, register):
    nothing = uuid.uuid4()
    with tenant_scope(day):
        last = entry(5)
        hash = compute_hash(last.hash, "{}")
        ChainEntry.objects.create(
            register=register,
            sequence=6,
            kind="receipt",
            subject=nothing,
            content="{}",
            previous_hash=last.hash,
            hash=hash,
        )
        RegisterSeries.objects.update(last_entry=6, last_hash=hash)

    assert run_verify_chain() == (f"green\tTill 1\t6\treceipt\tthere is no receipt {nothing}\n", 1)


def test_entry_removed_from_the_end_is_found(run_verify_chain, day):
    execute_without_triggers("DELETE FROM orders_chainentry WHERE sequence = 5")

    text, code = run_verify_chain()

    assert code == 1
    assert "the chain ends at 4, and the register's last entry is 5" in text
    assert "has no entry" in text


def test_removed_last_entry_with_updated_series_leaves_a_document_without_entry(
    run_verify_chain, day
):
    with tenant_scope(day):
        lost, end = entry(5).subject, entry(4)
        RegisterSeries.objects.update(last_entry=4, last_hash=end.hash)
    execute_without_triggers("DELETE FROM orders_chainentry WHERE sequence = 5")

    assert run_verify_chain() == (f"green\tTill 1\t\tz_report\t{lost} has no entry\n", 1)


def test_series_with_another_last_hash_is_found(run_verify_chain, day):
    with tenant_scope(day):
        RegisterSeries.objects.update(last_hash="0" * 64)

    text, code = run_verify_chain()

    assert code == 1
    assert "the last entry does not have the hash that the register stores for 5" in text


def test_missing_register_series_is_found(run_verify_chain, day):
    with tenant_scope(day):
        RegisterSeries.objects.all().delete()

    assert run_verify_chain()[0].count("is after the register's last entry") == 5


def test_each_register_has_its_own_chain(run_verify_chain, day, tills, make_product):
    for each in tills[:2]:
        each.sold(line(make_product("1.00")), payments=[cash("1.00")])
    assert run_verify_chain() == (INTACT, 0)
    with tenant_scope(day):
        other = ChainEntry.objects.filter(register=tills[0].register).get()

    execute_without_triggers(
        "UPDATE orders_chainentry SET hash = 'x' WHERE content = %s", other.content
    )

    text, code = run_verify_chain()
    assert code == 1
    assert all(row.split("\t")[1] == tills[0].register.name for row in text.splitlines())


def test_chain_longer_than_a_batch_is_verified_completely(
    run_verify_chain, till, make_product, monkeypatch
):
    monkeypatch.setattr("orders.services.verification.BATCH_SIZE", 3)
    for _ in range(8):
        till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    assert run_verify_chain() == (INTACT, 0)


def test_tenant_option_verifies_only_that_shop(run_verify_chain, day, other_shop):
    execute_without_triggers("UPDATE orders_chainentry SET content = '{}' WHERE sequence = 1")

    assert run_verify_chain("--tenant", other_shop.slug) == (INTACT, 0)


@pytest.mark.parametrize(
    "sql", ["UPDATE orders_chainentry SET content = '{}'", "DELETE FROM orders_chainentry"]
)
def test_database_refuses_update_and_delete_of_chain_entries(run_verify_chain, day, sql):
    with (
        across_tenants(),
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert run_verify_chain() == (INTACT, 0)
    with tenant_scope(day):
        assert ChainEntry.objects.count() == 5


@pytest.mark.view_only("sells in a transaction of the test")
def test_sale_during_verification_is_no_finding(
    run_verify_chain, day, till, make_product, monkeypatch
):
    """The walk ignores entries added after it began."""
    loaders = verification.LOADERS
    sold = []

    def sell_meanwhile(ids):
        if not sold:
            sold.append(till.sold(line(make_product("1.00")), payments=[cash("1.00")]))
        return loaders["receipt"](ids)

    monkeypatch.setattr(verification, "LOADERS", {**loaders, "receipt": sell_meanwhile})

    assert run_verify_chain() == (INTACT, 0)
    assert sold


def test_receipt_with_another_register_or_time_than_its_order_is_found(run_verify_chain, day, till):
    other = RegisterFactory(tenant=day, store=till.register.store)
    with tenant_scope(day):
        first, second, _ = Receipt.objects.order_by("number")

    execute_without_triggers(
        "UPDATE orders_receipt SET register_id = %s WHERE number = 1", database_id(other.pk)
    )
    execute_without_triggers(
        "UPDATE orders_receipt SET issued_at = %s WHERE number = 2", "2020-01-01 00:00:00"
    )
    text, code = run_verify_chain()

    assert code == 1
    assert f"{first.pk} belongs to another register" in text
    assert f"{second.pk} {DIFFERS}" in text


def database_id(id):
    """Return the id as the database stores it."""
    return Register._meta.pk.get_db_prep_value(id, connection)
