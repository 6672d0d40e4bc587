"""The proof that nothing sealed was changed, left out or added, whoever has the database."""

import json
import uuid
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from orders.models import ChainEntry, Order, Receipt, Refund, RegisterSeries
from orders.services import verification
from orders.services.completion.hash_chain import compute_hash
from tenants.models import Register
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.gateway import CAPTURED, DECLINED
from tests.support.refunds import build_refund_lines, create_refund
from tests.support.till import card, cash, line, new_id, percent
from tests.support.truncation import without_triggers

WHOLE = "All hash chains are intact.\n"
OTHERWISE = "differs from the database"


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
    back = [{"line": each["id"], "quantity": "1"} for each in first["lines"]]
    body = {"id": new_id(), "reason": "bad", "lines": back, "register": str(register.pk)}
    assert manager_client.post(f"orders/{first['id']}/refunds/", body).status_code == 201
    counted = {"counted": [{"method": "cash", "amount": "115.00"}]}
    assert till.post(f"shifts/{shift['id']}/close/", counted).status_code == 200
    with tenant_scope(shop):
        assert ChainEntry.objects.count() == 5
    return shop


@pytest.fixture
def told():
    """What the command says, and whether it found anything."""

    def check(*options):
        out = StringIO()
        try:
            call_command("verify_chain", *options, stdout=out)
        except CommandError as error:
            return out.getvalue(), error.returncode
        return out.getvalue(), 0

    return check


def by_hand(sql, *params):
    """As somebody does it who owns the database: without its triggers."""
    if settings.IS_SQLITE:
        everything = without_triggers([sql])
    else:
        role = "SET LOCAL session_replication_role ="
        everything = [f"{role} replica", sql, f"{role} origin"]
    with across_tenants(), connection.cursor() as cursor:
        for each in everything:
            cursor.execute(each, params if each == sql else None)


def entry(sequence):
    return ChainEntry.objects.get(sequence=sequence)


def test_a_day_that_nobody_touched_is_whole(told, day):
    assert told() == (WHOLE, 0)
    assert told("--tenant", "green") == (WHOLE, 0)


def test_a_shop_that_sold_nothing_is_whole(told, register):
    assert told() == (WHOLE, 0)


def test_what_happens_to_a_sale_later_is_no_finding(told, day, manager_client):
    with tenant_scope(day):
        sold = Order.objects.order_by("number").last()
    body = {"id": new_id(), "reason": "all of it"}
    assert manager_client.post(f"orders/{sold.pk}/refunds/", body).status_code == 201
    for form in ("text", "html"):
        manager_client.get(f"orders/{sold.pk}/receipt/", {"format": form})

    assert told() == (WHOLE, 0)


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
def test_books_that_were_changed_later_are_found(told, day, sql, sequence, kind):
    by_hand(sql)

    text, code = told()

    assert code == 1
    findings = [row.split("\t") for row in text.splitlines()]
    assert ["green", "Till 1", str(sequence), kind] in [row[:4] for row in findings]
    assert all(row[4].endswith(OTHERWISE) for row in findings)


def test_the_total_of_one_sale_is_found_with_its_receipt(told, day):
    with tenant_scope(day):
        receipt = Receipt.objects.get(number=2)
        Order.objects.filter(receipt=receipt).update(total=1, cash_rounding="5.25")

    text, code = told()

    assert code == 1
    assert f"green\tTill 1\t2\treceipt\t{receipt.pk} {OTHERWISE}\n" in text


def test_content_that_was_changed_is_found(told, day):
    by_hand("UPDATE orders_chainentry SET content = '{}' WHERE sequence = 2")

    text, code = told()

    assert code == 1
    assert "green\tTill 1\t2\treceipt\tits hash does not match its content\n" in text
    assert OTHERWISE in text
    assert "\t3\t" not in text


def test_content_that_was_changed_and_hashed_again_breaks_the_next_link(told, day):
    with tenant_scope(day):
        hash = compute_hash(entry(2).previous_hash, "{}")
    by_hand("UPDATE orders_chainentry SET content = '{}', hash = %s WHERE sequence = 2", hash)

    text, code = told()

    assert code == 1
    assert "green\tTill 1\t3\treceipt\tdoes not contain the hash of the previous entry\n" in text


def test_an_entry_that_is_missing_is_found_with_what_it_sealed(told, day):
    with tenant_scope(day):
        lost = entry(2).subject
    by_hand("DELETE FROM orders_chainentry WHERE sequence = 2")

    text, code = told()

    assert code == 1
    assert "green\tTill 1\t3\treceipt\tfollows entry 1: entries are missing or repeated\n" in text
    assert f"green\tTill 1\t\treceipt\t{lost} has no entry\n" in text


def test_an_entry_that_was_added_at_the_end_is_found(told, day, register):
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

    text, code = told()

    assert (code, text) == (
        1,
        "green\tTill 1\t6\treceipt\tis after the register's last entry\n",
    )


def test_an_entry_that_was_added_with_the_end_moved_has_nothing_that_it_seals(told, day, register):
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

    assert told() == (f"green\tTill 1\t6\treceipt\tthere is no receipt {nothing}\n", 1)


def test_an_end_that_was_cut_off_is_found(told, day):
    by_hand("DELETE FROM orders_chainentry WHERE sequence = 5")

    text, code = told()

    assert code == 1
    assert "the chain ends at 4, and the register's last entry is 5" in text
    assert "has no entry" in text


def test_an_end_that_was_cut_off_and_forgotten_leaves_what_it_sealed(told, day):
    with tenant_scope(day):
        lost, end = entry(5).subject, entry(4)
        RegisterSeries.objects.update(last_entry=4, last_hash=end.hash)
    by_hand("DELETE FROM orders_chainentry WHERE sequence = 5")

    assert told() == (f"green\tTill 1\t\tz_report\t{lost} has no entry\n", 1)


def test_a_register_that_remembers_another_end_is_found(told, day):
    with tenant_scope(day):
        RegisterSeries.objects.update(last_hash="0" * 64)

    text, code = told()

    assert code == 1
    assert "the last entry does not have the hash that the register stores for 5" in text


def test_a_register_whose_series_is_gone_is_found(told, day):
    with tenant_scope(day):
        RegisterSeries.objects.all().delete()

    assert told()[0].count("is after the register's last entry") == 5


def test_each_register_has_a_chain_of_its_own(told, day, tills, make_product):
    for each in tills[:2]:
        each.sold(line(make_product("1.00")), payments=[cash("1.00")])
    assert told() == (WHOLE, 0)
    with tenant_scope(day):
        other = ChainEntry.objects.filter(register=tills[0].register).get()

    by_hand("UPDATE orders_chainentry SET hash = 'x' WHERE content = %s", other.content)

    text, code = told()
    assert code == 1
    assert all(row.split("\t")[1] == tills[0].register.name for row in text.splitlines())


def test_more_entries_than_are_read_at_once(told, till, make_product, monkeypatch):
    monkeypatch.setattr("orders.services.verification.BATCH_SIZE", 3)
    for _ in range(8):
        till.sold(line(make_product("1.00")), payments=[cash("1.00")])

    assert told() == (WHOLE, 0)


def test_one_shop_is_looked_at_alone(told, day, other_shop):
    by_hand("UPDATE orders_chainentry SET content = '{}' WHERE sequence = 1")

    assert told("--tenant", other_shop.slug) == (WHOLE, 0)


@pytest.mark.parametrize(
    "sql", ["UPDATE orders_chainentry SET content = '{}'", "DELETE FROM orders_chainentry"]
)
def test_the_database_refuses_to_change_what_was_sealed(told, day, sql):
    with (
        across_tenants(),
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert told() == (WHOLE, 0)
    with tenant_scope(day):
        assert ChainEntry.objects.count() == 5


def test_a_till_that_sells_while_the_chain_is_walked_is_no_finding(
    told, day, till, make_product, monkeypatch
):
    """What is sealed after the walk began is not the walk's."""
    loaders = verification.LOADERS
    sold = []

    def sell_meanwhile(ids):
        if not sold:
            sold.append(till.sold(line(make_product("1.00")), payments=[cash("1.00")]))
        return loaders["receipt"](ids)

    monkeypatch.setattr(verification, "LOADERS", {**loaders, "receipt": sell_meanwhile})

    assert told() == (WHOLE, 0)
    assert sold


def test_a_receipt_of_another_register_or_another_time_than_its_order_is_found(told, day, till):
    other = RegisterFactory(tenant=day, store=till.register.store)
    with tenant_scope(day):
        first, second, _ = Receipt.objects.order_by("number")

    by_hand("UPDATE orders_receipt SET register_id = %s WHERE number = 1", column(other.pk))
    by_hand("UPDATE orders_receipt SET issued_at = created_at WHERE number = 2")
    said, code = told()

    assert code == 1
    assert f"{first.pk} belongs to another register" in said
    assert f"{second.pk} {OTHERWISE}" in said


def column(id):
    """The id as the database keeps it."""
    return Register._meta.pk.get_db_prep_value(id, connection)


# --- what is sealed -----------------------------------------------------------------------------


def sealed(shop, kind):
    with tenant_scope(shop):
        return json.loads(ChainEntry.objects.get(kind=kind).content)


def test_a_receipt_is_sealed_with_all_that_was_sold_and_paid_and_nothing_else(
    managers_till, make_product, gateway, shop
):
    """Of two cards one is declined; the rest comes in coins, with change."""
    goods_of_day = make_product("11.90", sku="TEA", name="Tea")
    gateway.answers = [DECLINED, CAPTURED]
    order = managers_till.sold(
        line(goods_of_day, "2"), discounts=[percent("10")], payments=[card("5.00"), card("6.00")]
    )
    paid = managers_till.pay(order, cash("15.42", tendered="20.00")).json()

    tea, (_, by_card, in_cash) = paid["lines"][0], paid["payments"]
    with tenant_scope(shop):
        sold_at = Order.objects.get().completed_at
    assert sealed(shop, "receipt") == {
        "order": paid["id"],
        "number": paid["number"],
        "receipt_number": 1,
        "register": str(managers_till.register.pk),
        "cashier": str(managers_till.user.pk),
        "sold_at": sold_at.isoformat(),
        "lines": [[tea["id"], "TEA", "Tea", "2", "11.9", "2.38", "3.42", "21.42"]],
        "taxes": [["VAT", "19", "3.42"]],
        "payments": [
            [by_card["id"], "card", "6", "0"],
            [in_cash["id"], "cash", "15.42", "4.58"],
        ],
        "discount_total": "2.38",
        "tax_total": "3.42",
        "cash_rounding": "0",
        "total": "21.42",
    }


def test_a_refund_is_sealed_with_what_came_back_and_how(
    till, manager_client, make_product, gateway, shop
):
    sold = till.sold(line(make_product("11.90"), "2"), payments=[card("10.00"), cash("13.80")])

    done = create_refund(manager_client, sold, lines=build_refund_lines(sold, "2"))

    with tenant_scope(shop):
        refund = Refund.objects.get()
    content = sealed(shop, "refund")
    assert sorted(content.pop("payouts")) == sorted(
        [
            [sold["payments"][0]["id"], "card", "10"],
            [sold["payments"][1]["id"], "cash", "13.8"],
        ]
    )
    assert content == {
        "refund": done["id"],
        "order": sold["id"],
        "receipt_number": 2,
        "register": str(till.register.pk),
        "by": str(manager_client.user.pk),
        "completed_at": refund.completed_at.isoformat(),
        "lines": [[sold["lines"][0]["id"], "2", "3.8", "23.8"]],
        "tax_total": "3.8",
        "cash_rounding": "0",
        "total": "23.8",
    }
