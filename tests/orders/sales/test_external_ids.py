"""External IDs and metadata of orders: given with the sale, changed later, and unique."""

import pytest

from orders.models import ChainEntry, Order, Receipt
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.support.discovery import snapshot_owned_rows
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
from tests.support.service_keys import KeyClient, create_key
from tests.support.till import cash, line, new_id

pytestmark = pytest.mark.django_db

METADATA = {"cart": {"lines": [7, None, True]}, "ü": "\u2028"}
TAKEN = {"external_id": "unique"}


@pytest.fixture
def sold(till, product):
    """Sell one product for 2.50 with these values."""

    def sell(**more):
        return till.sold(line(product), payments=[cash("2.50")], **more)

    return sell


def change(client, order, **values):
    return client.patch(f"orders/{order['id']}/", values, If_Match="*")


def test_order_has_external_id_and_metadata(till, sold):
    made = sold(external_id=" WEB-1 ", metadata=METADATA)
    plain = sold()

    assert (made["external_id"], made["metadata"]) == ("WEB-1", METADATA)
    assert (plain["external_id"], plain["metadata"]) == (None, {})
    listed = {each["id"]: each for each in till.get("orders/").json()["results"]}
    for order in (made, plain):
        assert till.shown(order)["metadata"] == listed[order["id"]]["metadata"] == order["metadata"]
        assert listed[order["id"]]["external_id"] == order["external_id"]


def test_order_is_found_by_its_external_id(till, sold, foreign):
    made = sold(external_id="WEB-1")
    sold(external_id="WEB-2")
    with tenant_scope(foreign.tenant):
        Order.objects.filter(pk=foreign.order.pk).update(external_id="LEAKMARK_ID")

    def find(external_id):
        found = till.get("orders/", {"external_id": external_id}).json()["results"]
        return [order["id"] for order in found]

    assert find("WEB-1") == [made["id"]]
    assert find("web-1") == find("WEB") == find("LEAKMARK_ID") == []


def test_second_order_with_the_external_id_is_refused(till, sold, product, problem):
    sold(external_id="WEB-1")
    other = till.sold(line(product))
    before = snapshot_owned_rows()

    sale = {"payments": [cash("2.50")], "external_id": "WEB-1"}
    problem(till.sell(line(product), **sale), 409, "already_exists", TAKEN)
    problem(change(till, other, external_id="WEB-1"), 409, "already_exists", TAKEN)

    assert snapshot_owned_rows() == before


def test_repeated_order_is_the_same_order(till, product, problem, shop):
    body = till.order(line(product), external_id="WEB-1", metadata=METADATA)
    made = till.post("orders/", body)

    again = till.post("orders/", body)

    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == made.json()
    for changed in ({"external_id": "WEB-2"}, {"metadata": {}}):
        problem(till.post("orders/", body | changed), 409, "id_conflict")
    assert count(shop) == 1


def test_other_shops_may_have_the_same_external_id(sold, foreign):
    with tenant_scope(foreign.tenant):
        Order.objects.filter(pk=foreign.order.pk).update(external_id="WEB-1")

    assert sold(external_id="WEB-1")["external_id"] == "WEB-1"


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"external_id": ""}, {"external_id": "blank"}),
        ({"external_id": 7}, {"external_id": "invalid"}),
        ({"external_id": "x" * 101}, {"external_id": "max_length"}),
        ({"metadata": []}, {"metadata": "not_an_object"}),
        ({"metadata": None}, {"metadata": "null"}),
        ({"metadata": {"a": [{"b": 1.5}]}}, {"metadata": "fraction"}),
        ({"metadata": {"a": "ü" * 2048}}, {"metadata": "too_large"}),
    ],
    ids=str,
)
def test_invalid_values_are_refused(values, errors, till, product, problem):
    order = till.sold(line(product))
    before = snapshot_owned_rows()

    problem(till.sell(line(product), **values), 400, "invalid", errors)
    problem(change(till, order, **values), 400, "invalid", errors)

    assert snapshot_owned_rows() == before


# --- changes --------------------------------------------------------------------------------------


def test_open_order_gets_and_loses_both(till, product):
    order = till.sold(line(product), external_id="WEB-1", metadata={"a": 1})

    changed = change(till, order, external_id="WEB-2", metadata={"b": 2}, note="Hall").json()
    removed = change(till, order, external_id=None, metadata={}).json()

    assert (changed["external_id"], changed["metadata"]) == ("WEB-2", {"b": 2})
    assert (removed["external_id"], removed["metadata"], removed["note"]) == (None, {}, "Hall")
    assert removed["version"] == order["version"] + 2
    assert till.sold(line(product), external_id="WEB-1")["external_id"] == "WEB-1"


def test_held_order_is_changed_by_a_cashier(till, product, problem):
    order = till.sold(line(product))
    till.post(f"orders/{order['id']}/hold/")

    assert change(till, order, external_id="TABLE-4").json()["external_id"] == "TABLE-4"
    problem(change(till, order, note="Hall"), 409, "order_not_open")


def write_back(client, order):
    return change(client, order, external_id="ERP-7", metadata={"invoice": "2026-17"})


@pytest.fixture
def closed(till, manager_client, product, sold):
    """Create an order with this status."""

    def create(status):
        order = till.sold(line(product)) if status == "voided" else sold()
        action = {"voided": "void", "refunded": "refunds"}.get(status)
        if action:
            body = {"reason": "Bruised"} | ({"id": new_id()} if action == "refunds" else {})
            manager_client.post(f"orders/{order['id']}/{action}/", body)
        return order

    return create


@pytest.mark.parametrize("status", ["completed", "refunded", "voided"])
def test_other_system_writes_its_number_back(till, closed, admin, shop, status):
    order = closed(status)
    before = till.get(f"orders/{order['id']}/")
    key = KeyClient(create_key(shop, admin, "orders:write"))
    with tenant_scope(shop):
        entries, events = list(ChainEntry.objects.values()), OutboxEvent.objects.count()

    changed = write_back(key, order)

    assert changed.status_code == 200, changed.content
    expected = before.json() | {
        "external_id": "ERP-7",
        "metadata": {"invoice": "2026-17"},
        "version": before.json()["version"] + 1,
    }
    assert changed.json() == till.shown(order) == expected
    assert expected["status"] == status
    # A copy with the former version is not current.
    cached = till.get(f"orders/{order['id']}/", If_None_Match=before["ETag"])
    assert (cached.status_code, cached.json()) == (200, expected)
    with tenant_scope(shop):
        assert list(ChainEntry.objects.values()) == entries
        event = OutboxEvent.objects.order_by("pk").last()
        assert (OutboxEvent.objects.count(), event.topic) == (events + 1, "order.updated")


def test_completed_order_is_changed_by_managers_only(till, manager_client, sold, problem):
    order = sold(external_id="WEB-1")
    before = snapshot_owned_rows()

    problem(write_back(till, order), 403, "permission_denied")
    problem(change(manager_client, order, external_id="ERP-7", note="x"), 409, "order_not_open")
    problem(change(manager_client, order, note="x"), 409, "order_not_open")

    changes = {
        label: rows for label, rows in snapshot_owned_rows().items() if rows != before[label]
    }
    assert changes.keys() <= {"tenants.AuditEvent"}  # the denied access
    assert write_back(manager_client, order).status_code == 200


def test_change_needs_the_current_version(till, product, problem):
    order = till.sold(line(product))
    path, values = f"orders/{order['id']}/", {"external_id": "WEB-1"}
    before = snapshot_owned_rows()

    problem(till.patch(path, values), 428, "if_match_required")
    problem(till.patch(path, values, If_Match='"9"'), 412, "version_conflict")

    assert snapshot_owned_rows() == before


# --- offline sales --------------------------------------------------------------------------------


def test_offline_sale_has_external_id_and_metadata(till, product):
    item = build_offline_sale(
        1, build_offline_line(product), external_id="POS-1", metadata=METADATA
    )

    order = upload_one_booked(till, item)

    assert (order["external_id"], order["metadata"]) == ("POS-1", METADATA)
    assert order["flags"] == []
    assert [each["status"] for each in results(till, item)] == ["duplicate"]


def test_offline_sale_with_a_taken_external_id_is_booked_without_it(till, sold, product, shop):
    sold(external_id="WEB-1")
    items = [
        build_offline_sale(number, build_offline_line(product), external_id=external_id)
        for number, external_id in enumerate(["WEB-1", "POS-1", "POS-1"], 1)
    ]

    orders = upload_all_booked(till, *items)

    assert [(order["external_id"], order["flags"]) for order in orders] == [
        (None, ["external_id_taken"]),
        ("POS-1", []),
        (None, ["external_id_taken"]),
    ]
    flagged = till.get("orders/", {"flag": "external_id_taken"}).json()["results"]
    assert {each["id"] for each in flagged} == {orders[0]["id"], orders[2]["id"]}
    assert [each["status"] for each in results(till, *items)] == ["duplicate"] * 3


def test_offline_sale_with_invalid_metadata_is_rejected(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product), metadata={"a": "x" * 4096})

    (answer,) = results(till, item)

    assert (answer["status"], answer["errors"][0]["field"]) == ("rejected", "metadata")
    assert count(shop) == 0


# --- races ----------------------------------------------------------------------------------------


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_orders_gets_the_external_id(till, tills, product, shop):
    other = till.sold(line(product))

    answers = run_concurrently(
        [
            *[
                lambda at=at: at.sell(line(product), payments=[cash("2.50")], external_id="WEB-1")
                for at in (till, *tills)
            ],
            lambda: change(till, other, external_id="WEB-1"),
        ]
    )

    codes = sorted(answer.status_code for answer in answers)
    assert codes in ([200, *[409] * len(tills), 409], [201, *[409] * len(tills), 409])
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    assert {each["code"] for each in refused} == {"already_exists"}
    with tenant_scope(shop):
        assert Order.objects.filter(external_id="WEB-1").count() == 1
        assert Receipt.objects.count() == codes.count(201)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_every_concurrent_upload_is_booked_and_one_keeps_the_external_id(
    till, tills, product, shop
):
    bodies = [
        (at, build_offline_sale(number, build_offline_line(product), external_id="POS-1"))
        for number, at in enumerate([till, *tills], 1)
    ]

    answers = run_concurrently([lambda at=at, item=item: upload(at, item) for at, item in bodies])

    orders = [answer.json()["results"][0]["order"] for answer in answers]
    assert sorted(str(order["external_id"]) for order in orders) == [
        *["None"] * len(tills),
        "POS-1",
    ]
    assert sum(order["flags"] == ["external_id_taken"] for order in orders) == len(tills)
