"""Refunds, receipts, uploads and the admin page of sales with modifiers."""

from decimal import Decimal

import pytest

from orders.models import Modifier, Order, StockMovement
from orders.services.stock.consistency import find_stock_differences
from orders.services.verification import verify_chains
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.support.labels import add_check_digit
from tests.support.modifiers import attach_modifiers, modified, set_list, set_modifier
from tests.support.offline import build_offline_line, build_offline_sale, results, upload_one_booked
from tests.support.refunds import build_refund_lines, create_refund
from tests.support.till import (
    cash,
    cash_rest,
    ensure_books_balance,
    get_line,
    get_stock_level,
    new_id,
    percent,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sale(till, latte, mods):
    """Three at 3.50 with 0.50, 0.60 and twice 0.80 more."""
    chosen = (mods["Large"], mods["Oat"], (mods["Shot"], 2))
    return till.sold(modified(latte, *chosen, quantity="3"), payments=[cash("18.60")])


# --- refunds -------------------------------------------------------------------------------------


def test_modifiers_are_refunded_and_restocked_with_their_line(
    sale, managers_till, shop, store, latte, oat_milk
):
    refund = create_refund(managers_till, sale, lines=build_refund_lines(sale, "1"))

    assert refund["total"] == "6.20"
    assert get_stock_level(oat_milk, store) == (8, 0)
    assert get_stock_level(latte, store) == (18, 0)
    assert create_refund(managers_till, sale)["total"] == "12.40"
    assert get_stock_level(oat_milk, store) == (10, 0)
    assert managers_till.shown(sale)["status"] == "refunded"
    ensure_books_balance(shop)
    with tenant_scope(shop):
        assert list(verify_chains()) == []


def test_what_is_not_restocked_is_waste(sale, managers_till, shop, store, oat_milk):
    lines = build_refund_lines(sale, "2", restock=False)

    create_refund(managers_till, sale, lines=lines)

    assert get_stock_level(oat_milk, store) == (7, 0)
    with tenant_scope(shop):
        moved = StockMovement.objects.filter(product=oat_milk).order_by("created_at", "pk")
        assert [(each.type, each.quantity) for each in moved if each.type != "receive"][-2:] == [
            ("return", 2),
            ("waste", -2),
        ]
    ensure_books_balance(shop)


def test_discounted_modifiers_are_refunded_as_paid(managers_till, latte, mods):
    order = managers_till.sold(
        modified(latte, mods["Large"], quantity="2", discounts=[percent("50")]),
        payments=[cash("4.00")],
    )

    refund = create_refund(managers_till, order, lines=build_refund_lines(order, "1"))

    assert refund["total"] == "2.00"


# --- receipts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "html", "json"])
def test_receipt_shows_modifiers_under_their_line(sale, till, format):
    text = till.get(f"orders/{sale['id']}/receipt/?format={format}").content.decode()

    assert text.index("Latte") < text.index("3 x 3.50") < text.index("+ Large 0.50")
    assert text.index("+ Large 0.50") < text.index("+ Oat 0.60") < text.index("+ 2 x Shot 0.80")


@pytest.mark.parametrize("format", ["pdf", "escpos"])
def test_printed_receipt_has_a_row_for_each_modifier(sale, till, latte, format):
    """The content of a PDF is compressed: it is longer than without modifiers."""
    response = till.get(f"orders/{sale['id']}/receipt/?format={format}")

    assert response.status_code == 200
    assert format == "pdf" or b"+ 2 x Shot 0.80" in response.content


def test_free_modifier_has_no_price_and_a_gift_receipt_shows_none(till, latte, mods):
    order = till.sold(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])
    path = f"orders/{order['id']}/receipt/?format=text"

    assert "+ Small\n" in till.get(path).content.decode().replace(" \n", "\n")
    gift = till.get(f"{path}&prices=false").content.decode()
    assert "+ Oat" in gift
    assert "0.60" not in gift


def test_refund_receipt_shows_modifiers(sale, managers_till):
    refund = create_refund(managers_till, sale, lines=build_refund_lines(sale, "1"))

    text = managers_till.get(f"refunds/{refund['id']}/receipt/?format=text").content.decode()

    assert text.index("Latte") < text.index("+ Large") < text.index("+ 2 x Shot")


def test_changed_modifiers_of_a_receipt_are_found(sale, shop):
    with tenant_scope(shop):
        (sold,) = Order.objects.get(pk=sale["id"]).lines.all()
        sold.modifiers[0]["price"] = "0.40"
        sold.save(update_fields=["modifiers"])

        (finding,) = verify_chains()

    assert "differs from the database" in finding.problem


# --- uploads -------------------------------------------------------------------------------------


def charge(modifier, price=None, quantity=None):
    body = {"modifier": str(modifier.pk), "price": price or f"{modifier.price:.2f}"}
    return body | ({"quantity": quantity} if quantity else {})


def test_uploaded_modifiers_are_booked_as_charged(till, shop, store, latte, oat_milk, mods):
    chosen = [charge(mods["Oat"]), charge(mods["Large"]), charge(mods["Shot"], quantity=2)]
    sold = build_offline_line(latte, "3.50", "2", modifiers=chosen)

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("12.40")]))

    assert (order["total"], order["flags"]) == ("12.40", [])
    names = [(each["name"], each["quantity"]) for each in get_line(order)["modifiers"]]
    assert names == [("Oat", 1), ("Large", 1), ("Shot", 2)]
    assert get_stock_level(oat_milk, store) == (8, 0)
    assert order == till.shown(order)
    ensure_books_balance(shop)
    with tenant_scope(shop):
        assert list(verify_chains()) == []


@pytest.mark.parametrize(
    ("build", "total", "flags"),
    [
        (lambda mods: [], "3.50", ["modifiers_missing"]),
        (lambda mods: [charge(mods["Large"], "0.40")], "3.90", ["modifiers_differ", "over_limit"]),
        (lambda mods: [charge(mods["Small"]), charge(mods["Large"])], "4.00", ["modifiers_differ"]),
        (lambda mods: [charge(mods["Small"], quantity=2)], "3.50", ["modifiers_differ"]),
        (
            lambda mods: [charge(mods["Small"]), {"name": "Honey", "price": "0.20"}],
            "3.70",
            ["modifiers_differ"],
        ),
        (
            lambda mods: [{"modifier": new_id(), "name": "Huge", "price": "1.00"}],
            "4.50",
            ["modifiers_differ", "modifiers_missing"],
        ),
    ],
)
def test_upload_is_flagged_for_modifiers_that_cannot_be_sold_so(
    build, total, flags, till, shop, latte, mods
):
    sold = build_offline_line(latte, "3.50", modifiers=build(mods))

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash(total)]))

    assert (order["total"], order["flags"]) == (total, flags)
    assert len(get_line(order)["modifiers"]) == len(build(mods))
    ensure_books_balance(shop)


@pytest.mark.parametrize("gone", ["archived", "deleted", "list archived"])
def test_upload_with_a_modifier_that_is_gone_meanwhile_is_booked(gone, till, shop, latte, mods):
    sold = build_offline_line(
        latte, "3.50", modifiers=[charge(mods["Small"]), {**charge(mods["Shot"]), "name": "Shot"}]
    )
    if gone == "archived":
        set_modifier(mods["Shot"], is_active=False)
    elif gone == "deleted":
        with tenant_scope(shop):
            Modifier.objects.filter(pk=mods["Shot"].pk).delete()
    else:
        set_list(mods["Shot"], is_active=False)

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("4.30")]))

    assert (order["total"], order["flags"]) == ("4.30", ["modifiers_differ"])
    assert get_line(order)["modifiers"][1]["name"] == "Shot"


def test_uploaded_returned_goods_with_modifiers_are_rejected(till, shop, make_product, mods):
    empty = make_product("0.25", sku="EMPTY", returnable=True)
    sold = build_offline_line(empty, "0.25", "-1", modifiers=[charge(mods["Small"])])

    (result,) = results(till, build_offline_sale(1, sold, payments=[cash("-0.25")]))

    assert result["status"] == "rejected"
    assert [each["code"] for each in result["errors"]] == ["returned"]
    with tenant_scope(shop):
        assert not Order.objects.exists()


def test_uploaded_modifier_needs_a_price_and_a_name_or_id(till, shop, latte):
    sold = build_offline_line(latte, "3.50", modifiers=[{"price": "1.00"}, {"name": "Huge"}])

    (result,) = results(till, build_offline_sale(1, sold))

    assert result["status"] == "rejected"
    assert {each["field"] for each in result["errors"]} == {
        "lines[0].modifiers[0]",
        "lines[0].modifiers[1].price",
    }
    with tenant_scope(shop):
        assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("charged", "total", "flags"),
    [
        ("0.00", "3.50", ["modifiers_differ", "over_limit"]),
        ("30.00", "33.50", []),
        # As much above the catalog.
        ("60.00", "63.50", ["modifiers_differ", "over_limit"]),
    ],
)
def test_price_of_uploaded_modifiers_counts_for_the_limits(
    charged, total, flags, till, latte, mods
):
    set_modifier(mods["Large"], price=Decimal(30))
    sold = build_offline_line(latte, "3.50", modifiers=[charge(mods["Large"], charged)])

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash(total)]))

    assert (order["total"], order["flags"]) == (total, flags)
    assert get_line(order)["modifiers"][0]["price"] == charged


@pytest.mark.parametrize("is_known", [True, False])
def test_uploaded_modifiers_of_a_deposit_are_flagged_and_take_no_stock(
    is_known, till, store, make_product, latte, oat_milk, mods
):
    deposit = make_product("0.25", sku="DEPOSIT", modifier_lists=latte.modifier_lists)
    bottle, goods = make_product("1.00", sku="WATER", deposit=deposit), new_id()
    chosen = charge(mods["Oat"]) if is_known else {"name": "Oat", "price": "0.60"}
    lines = [
        build_offline_line(bottle, "1.00", id=goods),
        build_offline_line(deposit, "0.25", deposit_for=goods, modifiers=[chosen]),
    ]

    order = upload_one_booked(till, build_offline_sale(1, *lines, payments=[cash("1.85")]))

    assert (order["total"], order["flags"]) == ("1.85", ["deposit_differs", "modifiers_differ"])
    assert get_stock_level(oat_milk, store) == (10, 0)


def test_uploaded_modifiers_of_an_unknown_deposit_are_flagged(till, make_product):
    bottle, goods = make_product("1.00", sku="WATER"), new_id()
    deposit = {"name": "Deposit", "quantity": "1", "unit_price": "0.25", "deposit_for": goods}
    lines = [
        build_offline_line(bottle, "1.00", id=goods),
        {**deposit, "modifiers": [{"name": "Whisky", "price": "20.00"}]},
    ]

    order = upload_one_booked(till, build_offline_sale(1, *lines, payments=[cash("21.25")]))

    assert {"deposit_differs", "modifiers_differ"} <= set(order["flags"])


def test_uploaded_modifiers_of_a_price_label_take_no_stock(
    till, shop, store, make_product, oat_milk
):
    BarcodeRuleFactory(tenant=shop, pattern="21IIIIIVVVVVC", kind="price")
    cheese = make_product("10.00", sold_by="weight", sku="CHEESE", plu="7")
    mods = attach_modifiers(shop, cheese, "Milk", takes=oat_milk)
    code = add_check_digit("210000700500")
    sold = {"barcode": code, "quantity": "0.5", "unit_price": "10.00"}
    sold["modifiers"] = [charge(mods["Oat"])]

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("5.00")]))

    assert (order["total"], order["flags"]) == ("5.00", ["modifiers_differ"])
    assert get_stock_level(oat_milk, store) == (10, 0)


@pytest.mark.parametrize("sold_by", ["weight", "unit"])
def test_uploaded_goods_by_weight_take_no_part_of_a_unit(
    till, shop, store, make_product, oat_milk, sold_by
):
    """A fraction was sold by weight, although the catalog has changed since."""
    cheese = make_product("10.00", sold_by=sold_by, sku="CHEESE")
    mods = attach_modifiers(shop, cheese, "Milk", takes=oat_milk)
    sold = build_offline_line(cheese, "10.00", "0.25", modifiers=[charge(mods["Oat"])])

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("2.65")]))

    assert (order["total"], order["flags"]) == ("2.65", ["modifiers_differ"])
    assert get_stock_level(oat_milk, store) == (10, 0)
    with tenant_scope(shop):
        assert list(verify_chains()) == list(find_stock_differences(shop)) == []


def test_unknown_product_with_modifiers_is_booked(till, mods):
    sold = {
        "name": "Chai",
        "quantity": "1",
        "unit_price": "3.00",
        "modifiers": [charge(mods["Large"])],
    }

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("3.50")]))

    assert (order["total"], order["flags"]) == ("3.50", ["modifiers_differ", "unknown_product"])


def test_online_sale_that_is_uploaded_again_is_recognized(till, latte, mods):
    order = till.sold(modified(latte, mods["Large"]), payments=[cash("4.00")], device_sequence=1)
    sold = build_offline_line(latte, "3.50", modifiers=[charge(mods["Large"])])
    again = build_offline_sale(1, sold, payments=[cash("4.00")], id=order["id"])

    (result,) = results(till, again)

    assert (result["status"], result["order"]["id"]) == ("duplicate", order["id"])
    cheaper = build_offline_line(latte, "4.00")
    (other,) = results(till, {**again, "lines": [cheaper]})
    assert other["status"] != "duplicate"


def test_line_added_with_the_id_of_an_uploaded_one_is_a_conflict(till, latte, mods, problem):
    id = new_id()
    chosen = [charge(mods["Small"]), {"name": "Honey", "price": "0.20"}]
    sold = build_offline_line(latte, "3.50", id=id, modifiers=chosen)
    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("3.70")]))

    refused = till.post(f"orders/{order['id']}/lines/", modified(latte, mods["Small"], id=id))

    problem(refused, 409, "id_conflict")
    assert till.shown(order) == order
