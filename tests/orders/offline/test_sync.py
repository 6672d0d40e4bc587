"""Upload of offline sales: each is booked once, as it was sold."""

import pytest

from orders.models import Payment, Receipt, StockMovement
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import BarcodeFactory
from tests.support.idempotency import count
from tests.support.offline import (
    ago,
    build_offline_line,
    build_offline_sale,
    results,
    upload,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
    new_id,
    percent,
)

pytestmark = pytest.mark.django_db


def test_offline_sale_is_booked_as_a_completed_order(till, product, store, shop):
    item = build_offline_sale(118, build_offline_line(product))

    order = upload_one_booked(till, item)

    assert (order["id"], order["status"], order["total"]) == (item["id"], "completed", "2.50")
    assert (order["device_sequence"], order["receipt_number"]) == (118, 1)
    assert (order["flags"], order["original_shift"], order["adjustment"]) == ([], None, "0.00")
    assert order == till.shown(order)
    assert get_stock_level(product, store) == (9, 0)
    ensure_books_balance(shop)


def test_offline_sale_keeps_all_data_of_the_terminal(till, product, make_product, shop):
    """Two payment methods, both captured already: the gateway is not called."""
    BarcodeFactory(product=make_product("1.00", name="Pear"), code="4011")
    item = build_offline_sale(
        1,
        build_offline_line(product, quantity="4", discounts=[percent("10", reason="Bruised")]),
        {"barcode": "4011", "quantity": "1", "unit_price": "1.00", "note": "Ripe"},
        id=new_id(),
        customer={"name": "Ann", "email": "ann@customer.example"},
        note="Without a connection",
        payments=[card("9.00", reference="T-77"), cash("1.00", tendered="5.00")],
        total="10.00",
    )

    order = upload_one_booked(till, item)

    assert order["customer"] == {"id": None, **item["customer"], "tax_number": ""}
    assert (order["note"], order["discount_total"]) == ("Without a connection", "1.00")
    assert [(each["name"], each["note"]) for each in order["lines"]] == [
        ("Apple", ""),
        ("Pear", "Ripe"),
    ]
    assert [(each["method"], each["status"], each["reference"]) for each in order["payments"]] == [
        ("card", "captured", "T-77"),
        ("cash", "captured", ""),
    ]
    assert (order["change_total"], order["flags"]) == ("4.00", ["card_unverified"])


def test_offline_sale_finds_every_spelling_of_a_barcode(till, product, make_product, shop):
    BarcodeFactory(product=make_product("1.00", name="Pear"), code="042100005264")
    scanned = ["04252614", "0042100005264", "00042100005264", "042100005263"]
    lines = [{"barcode": each, "quantity": "1", "unit_price": "1.00"} for each in scanned]

    order = upload_one_booked(
        till, build_offline_sale(1, *lines, payments=[cash("4.00")], total="4.00")
    )

    assert [each["name"] for each in order["lines"]] == ["Pear", "Pear", "Pear", "042100005263"]


def test_stock_movement_has_the_time_of_sale_and_receipt_the_time_of_upload(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=5))

    order = upload_one_booked(till, item)

    with tenant_scope(shop):
        movement = StockMovement.objects.get(order=order["id"])
        receipt = Receipt.objects.get(order=order["id"])
    assert movement.occurred_at.isoformat() == item["sold_at"]
    assert (receipt.issued_at - movement.occurred_at).total_seconds() > 4.9 * 3600
    assert order["completed_at"] > order["sold_at"]


def test_receipt_shows_both_numbers_and_both_times(till, product):
    order = upload_one_booked(
        till, build_offline_sale(118, build_offline_line(product), sold_at="2026-11-21T10:00:00Z")
    )

    receipt = till.get(f"orders/{order['id']}/receipt/").json()
    text = till.get(f"orders/{order['id']}/receipt/", {"format": "text"}).content.decode()

    assert receipt["number"] == 1
    assert receipt["sold_at"].startswith("2026-11-21T")
    assert "118" in text
    assert "Booked" in text


def test_repeated_upload_returns_a_duplicate_with_the_current_order(
    till, product, store, manager_client
):
    item = build_offline_sale(1, build_offline_line(product))
    first = upload_one_booked(till, item)
    body = {"id": new_id(), "reason": "Bruised"}
    assert manager_client.post(f"orders/{first['id']}/refunds/", body).status_code == 201

    (again,) = results(till, item)

    assert (again["id"], again["status"]) == (item["id"], "duplicate")
    assert again["order"] == till.shown(first)
    assert again["order"]["status"] == "refunded"
    assert get_stock_level(product, store) == (10, 0)


def test_same_sale_twice_in_a_batch_is_booked_once(till, product, store):
    item = build_offline_sale(1, build_offline_line(product))

    first, second = results(till, item, item)

    assert (first["status"], second["status"]) == ("created", "duplicate")
    assert first["order"] == second["order"]
    assert get_stock_level(product, store) == (9, 0)


def test_another_cashier_may_repeat_the_upload(till, other_cashier_client, product, shop):
    item = build_offline_sale(1, build_offline_line(product))
    upload_one_booked(till, item)
    body = {"register": str(till.register.pk), "batch": [item]}

    (again,) = other_cashier_client.post("sync/orders/", body).json()["results"]

    assert again["status"] == "duplicate"
    assert again["order"]["cashier"] == str(till.user.pk)
    assert count(shop) == 1


def test_offline_upload_of_an_order_completed_online_is_a_duplicate(
    till, manager_client, product, store, register
):
    """The terminal got no answer and uploads the order as an offline sale. Its number is held."""
    body = till.order(line(product, "2"), payments=[cash("5.00")])
    assert till.post("orders/", body).status_code == 201
    item = build_offline_sale(
        7, build_offline_line(product, quantity="2"), id=body["id"], payments=[cash("5.00")]
    )

    same, other = results(till, item, item | {"lines": [build_offline_line(product, "1.25", "4")]})

    assert (same["status"], same["order"]["device_sequence"]) == ("duplicate", 7)
    assert same["order"]["sold_at"] is None
    gaps = manager_client.get(f"registers/{register.pk}/gaps/").json()
    assert (gaps["issued"], gaps["held"]) == (7, 1)
    assert (other["status"], other["code"]) == ("rejected", "id_reused")
    assert get_stock_level(product, store) == (8, 0)


@pytest.mark.parametrize("where", ["sale", "line", "payment", "register"])
def test_upload_that_reuses_an_id_is_rejected(where, till, tills, product, store, shop):
    item = build_offline_sale(1, build_offline_line(product, id=new_id()))
    upload_one_booked(till, item)
    other = build_offline_sale(2, build_offline_line(product), payments=[cash("2.50")])
    if where == "line":
        other["lines"][0]["id"] = item["lines"][0]["id"]
    elif where == "payment":
        other["payments"][0]["id"] = item["payments"][0]["id"]
    else:
        other = item if where == "register" else other | {"id": item["id"]}
    at = tills[0] if where == "register" else till

    (answer,) = results(at, other)

    assert answer == {"id": other["id"], "status": "rejected", "code": "id_reused"}
    assert (count(shop), count(shop, Payment)) == (1, 1)
    assert get_stock_level(product, store) == (9, 0)


def test_invalid_item_does_not_affect_other_items(till, product, shop, register):
    good = [build_offline_sale(number, build_offline_line(product)) for number in (1, 4)]
    wrong = [
        build_offline_sale(2, build_offline_line(product), surprise=1),
        build_offline_sale(3, build_offline_line(product, "1e5")),
        "nonsense",
        {"id": "not-an-id"},
    ]

    first, *rejected, last = results(till, good[0], *wrong, good[1])

    assert [each["status"] for each in (first, last)] == ["created", "created"]
    assert [each["id"] for each in rejected] == [wrong[0]["id"], wrong[1]["id"], None, None]
    assert {(each["status"], each["code"]) for each in rejected} == {("rejected", "invalid")}
    errors = [{error["field"]: error["code"] for error in each["errors"]} for each in rejected]
    assert errors[:2] == [{"surprise": "unknown_field"}, {"lines[0].unit_price": "invalid"}]
    assert errors[3]["id"] == "invalid"
    assert list_receipt_numbers(register) == [1, 2]


def test_upload_is_audited_and_announced_with_its_uploader(till, product, shop):
    seller = UserFactory(tenant=shop, is_active=False)

    order = upload_one_booked(
        till, build_offline_sale(5, build_offline_line(product, "2.00"), cashier=str(seller.pk))
    )

    assert order["cashier"] == str(seller.pk)
    with tenant_scope(shop):
        booked = AuditEvent.objects.get(event="offline_sale_booked")
        upload = AuditEvent.objects.get(event="sales_uploaded")
        event = OutboxEvent.objects.get(topic="order.completed")
        assert Payment.objects.get().taken_by == seller
    assert (booked.actor, booked.facts["cashier"]) == (till.user.pk, str(seller.pk))
    flags = ["cashier_differs", "over_limit", "price_differs", "total_differs"]
    assert booked.facts["flags"] == flags
    assert (upload.actor, upload.facts["created"]) == (till.user.pk, 1)
    assert (event.data["device_sequence"], event.data["flags"]) == (5, booked.facts["flags"])


def test_batch_with_an_idempotency_key_is_uploaded_once(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product))

    first, again = upload(till, item, key="k"), upload(till, item, key="k")
    other = upload(till, build_offline_sale(2, build_offline_line(product)), key="k")

    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert other.json()["code"] == "idempotency_key_reused"
    assert count(shop) == 1


def test_order_list_filters_by_flag(till, product, make_product):
    plain, cheap = upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product)),
        build_offline_sale(2, build_offline_line(product, "1.00")),
    )

    def listed(flag):
        return [each["id"] for each in till.get("orders/", {"flag": flag}).json()["results"]]

    assert "price_differs" in cheap["flags"]
    assert listed("price_differs") == [cheap["id"]]
    assert listed("oversold") == []
    assert till.get("orders/", {"flag": "cheap"}).status_code == 400
    assert plain["flags"] == []


def test_empty_batch_updates_the_last_sequence(till, manager_client, register):
    assert results(till, last_sequence=3) == []

    gaps = manager_client.get(f"registers/{register.pk}/gaps/").json()

    assert (gaps["issued"], gaps["held"], gaps["ranges"]) == (3, 0, [{"first": 1, "last": 3}])
