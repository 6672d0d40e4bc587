"""Labels of scales: found, sold, edited, refunded and uploaded."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.gateways import Answer, Outcome
from orders.models import OrderLine, Payout
from orders.services.refunds.payouts import look_up_payout
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import BarcodeFactory
from tests.support.labels import add_check_digit
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.refunds import (
    build_refund_lines,
    create_refund,
    ensure_refunds_consistent,
    request_refund,
    snapshot_refund_rows,
)
from tests.support.till import (
    amount,
    card,
    cash,
    cash_rest,
    get_line,
    line,
    new_id,
    percent,
    set_product,
)

pytestmark = pytest.mark.django_db

PLU = "123"


def label(prefix, value, plu=PLU):
    return add_check_digit(f"{prefix}{plu:0>5}{value:05}")


@pytest.fixture
def cheese(make_product):
    """A product by weight at 13.90, with rules for labels with weights (20) and prices (21)."""
    product = make_product("13.90", sku="CHEESE", name="Cheese", sold_by="weight", plu=PLU)
    BarcodeRuleFactory(tenant=product.tenant, pattern="20IIIIIVVVVVC", kind="weight")
    BarcodeRuleFactory(tenant=product.tenant, pattern="21IIIIIVVVVVC", kind="price")
    return product


def count_lines(shop):
    with tenant_scope(shop):
        return OrderLine.objects.count()


@pytest.mark.parametrize("kind", ["weight", "price"])
def test_quantity_beyond_the_maximum_is_refused(till, shop, cheese, kind, problem):
    set_product(shop, cheese, price="0.01", plu="1")
    BarcodeRuleFactory(tenant=shop, pattern="2IVVVVVVVVVVV", kind=kind, value_decimals=0)

    refused = till.sell({"barcode": "2199999999999"})

    problem(refused, 400, "invalid", {"lines[0].barcode": "max_value"})
    assert count_lines(shop) == 0


@pytest.mark.parametrize("quantity", [{}, {"quantity": "1"}, {"quantity": "0.735"}])
def test_weight_label_sells_its_weight(till, cheese, quantity):
    code = label(20, 735)

    sold = get_line(till.sold({"barcode": code, **quantity}, payments=[cash_rest()]))

    assert (sold["sku"], sold["quantity"], sold["gross"]) == ("CHEESE", "0.735", "10.22")
    assert (sold["scanned_code"], sold["fixed_gross"]) == (code, None)


@pytest.mark.parametrize("symbology", ["]E0", "]E3", "]C0"])
def test_label_with_a_symbology_identifier_is_read(till, cheese, symbology):
    code = symbology + label(21, 537)

    (found,) = till.get("products/", {"barcode": code}).json()["results"]
    sold = get_line(till.sold({"barcode": code}, payments=[cash_rest()]))

    assert found["sku"] == sold["sku"] == "CHEESE"
    assert (sold["scanned_code"], sold["gross"]) == (code, "5.37")


def test_barcode_that_was_stored_with_a_symbology_identifier_is_found(till, make_product):
    BarcodeFactory(product=make_product("1.00", sku="ODD"), code="]C0ABC")

    (found,) = till.get("products/", {"barcode": "]C0ABC"}).json()["results"]

    assert found["sku"] == "ODD"


@pytest.mark.parametrize("quantity", [{}, {"quantity": "1"}, {"quantity": "0.386"}])
def test_price_label_sells_at_its_price(till, cheese, quantity):
    code = label(21, 537)

    order = till.sold({"barcode": code, **quantity}, payments=[cash("5.37")])

    sold = get_line(order)
    assert (order["status"], order["total"]) == ("completed", "5.37")
    assert (sold["quantity"], sold["unit_price"], sold["gross"]) == ("0.386", "13.90", "5.37")
    assert (sold["scanned_code"], sold["fixed_gross"]) == (code, "5.37")
    assert order == till.shown(order)


@pytest.mark.parametrize(
    ("changes", "value", "quantity"),
    [
        ({"price": "0"}, 537, "1"),
        ({"sold_by": "unit"}, 537, "1"),
        ({"open_price": True, "price": "0"}, 537, "1"),
        ({"price": "90000"}, 537, "0.001"),
    ],
)
def test_quantity_of_a_price_label(till, shop, cheese, changes, value, quantity):
    set_product(shop, cheese, **changes)

    sold = get_line(till.sold({"barcode": label(21, value)}))

    assert (sold["quantity"], sold["gross"]) == (quantity, f"{Decimal(value) / 100:.2f}")


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 99_999), st.integers(0, 10**7))
def test_price_label_fixes_the_total_to_the_cent(till, shop, cheese, cents, price):
    set_product(shop, cheese, price=Decimal(price).scaleb(-2))

    priced = till.post("orders/calculate/", {"lines": [{"barcode": label(21, cents)}]}).json()

    assert priced["total"] == str(Decimal(cents).scaleb(-2))
    assert Decimal(get_line(priced)["quantity"]) > 0


@pytest.mark.parametrize(("currency", "total"), [("JPY", "537"), ("KWD", "0.537")])
def test_price_label_in_the_currency(till, configure_shop, cheese, currency, total):
    configure_shop(currency)

    assert till.sold({"barcode": label(21, 537)})["total"] == total


def test_price_label_is_no_override(till, shop, cheese):
    """Discounts are measured from the price of the label."""
    order = till.sold(
        {"barcode": label(21, 200), "discounts": [percent("10")]}, payments=[cash("1.80")]
    )

    with tenant_scope(shop):
        assert not OrderLine.objects.get().order.price_overridden
    assert (order["discount_total"], order["total"]) == ("0.20", "1.80")


def test_discount_on_a_label_without_list_price_needs_an_approval(till, shop, cheese, problem):
    set_product(shop, cheese, price=0)
    sold = {"barcode": label(21, 200), "discounts": [amount("1.50")]}

    problem(till.sell(sold), 403, "approval_required")
    assert count_lines(shop) == 0


@pytest.mark.parametrize(
    ("request_line", "errors"),
    [
        ({"barcode": label(20, 735), "quantity": "2"}, {"lines[0].quantity": "fixed_by_label"}),
        ({"barcode": label(21, 537), "quantity": "2"}, {"lines[0].quantity": "fixed_by_label"}),
        (
            {"barcode": label(21, 537), "unit_price": "1.00"},
            {"lines[0].unit_price": "fixed_by_label"},
        ),
        ({"barcode": label(20, 0)}, {"lines[0].barcode": "no_weight"}),
        ({"barcode": label(21, 0)}, {"lines[0].barcode": "no_price"}),
        ({"barcode": label(20, 735, plu="999")}, {"lines[0].barcode": "does_not_exist"}),
        ({"barcode": label(20, 735)[:12] + "0"}, {"lines[0].barcode": "does_not_exist"}),
        ({"barcode": "0" + label(20, 735)}, {"lines[0].barcode": "does_not_exist"}),
        ({"barcode": "4006381333931"}, {"lines[0].quantity": "required"}),
        ({"sku": "CHEESE"}, {"lines[0].quantity": "required"}),
    ],
)
def test_refused_lines(till, shop, cheese, request_line, errors, problem):
    BarcodeFactory(product=cheese, code="4006381333931")

    problem(till.sell(request_line), 400, "invalid", errors)
    assert count_lines(shop) == 0


def test_fraction_on_a_label_of_pieces_is_refused(till, shop, cheese, problem):
    set_product(shop, cheese, sold_by="unit")

    refused = till.sell({"barcode": label(20, 735)})

    problem(refused, 400, "invalid", {"lines[0].quantity": "not_whole"})
    assert count_lines(shop) == 0


def test_exact_barcode_wins_over_a_rule(till, cheese, make_product):
    pear = make_product("1.00", sku="PEAR")
    code = label(20, 735)
    BarcodeFactory(product=pear, code=code)

    assert get_line(till.sold({"barcode": code, "quantity": "2"}))["sku"] == "PEAR"
    assert get_line(till.sold({"barcode": label(20, 736)}))["sku"] == "CHEESE"


def test_code_that_matches_a_rule_is_no_gtin(till, shop, cheese, make_product, problem):
    """Neither as a scan nor as a stored barcode."""
    pear = make_product("1.00", sku="PEAR")
    code = label(20, 735, plu="999")
    BarcodeFactory(product=pear, code=f"0{code}")

    for name in ("barcode", "search"):
        assert till.get("products/", {name: code}).json()["results"] == []
    refused = till.sell({"barcode": code, "quantity": "1"})
    problem(refused, 400, "invalid", {"lines[0].barcode": "does_not_exist"})

    with tenant_scope(shop):
        pear.barcodes.all().delete()
    BarcodeFactory(product=pear, code=code)
    assert till.get("products/", {"barcode": f"0{code}"}).json()["results"] == []
    (found,) = till.get("products/", {"barcode": code}).json()["results"]
    assert found["sku"] == "PEAR"


def test_inactive_rule_reads_nothing(till, manager_client, shop, cheese, problem):
    code = label(20, 735)
    for rule in manager_client.get("barcode-rules/").json()["results"]:
        path = f"barcode-rules/{rule['id']}/"
        manager_client.patch(path, {"is_active": False}, If_Match="*")

    refused = till.sell({"barcode": code, "quantity": "1"})

    problem(refused, 400, "invalid", {"lines[0].barcode": "does_not_exist"})
    assert count_lines(shop) == 0


def test_highest_priority_wins(till, shop, cheese):
    BarcodeRuleFactory(tenant=shop, pattern="20IIIIVVVVVVC", kind="price", priority=5)
    set_product(shop, cheese, plu="12")

    assert till.sold({"barcode": add_check_digit("200012000537")})["total"] == "5.37"


@pytest.mark.parametrize("name", ["barcode", "search"])
def test_label_finds_its_product(till, cheese, name):
    (found,) = till.get("products/", {name: label(21, 537)}).json()["results"]

    assert (found["sku"], found["plu"]) == ("CHEESE", PLU)


def test_rule_of_another_shop_reads_nothing(till, other_shop, make_product, problem):
    make_product("13.90", sold_by="weight", plu=PLU)
    BarcodeRuleFactory(tenant=other_shop, pattern="20IIIIIVVVVVC")

    refused = till.sell({"barcode": label(20, 735)})

    problem(refused, 400, "invalid", {"lines[0].barcode": "does_not_exist"})


# --- open orders --------------------------------------------------------------------------------


@pytest.fixture
def opened(till, cheese):
    return till.sold({"barcode": label(21, 537)})


@pytest.mark.parametrize("field", ["quantity", "unit_price"])
def test_line_of_a_price_label_is_not_changed(managers_till, opened, field, problem):
    path = f"orders/{opened['id']}/lines/{get_line(opened)['id']}/"

    refused = managers_till.patch(path, {field: "1"}, If_Match="*")

    problem(refused, 400, "invalid", {field: "fixed_by_label"})
    assert managers_till.shown(opened) == opened
    noted = managers_till.patch(path, {"note": "Thin slices"}, If_Match="*").json()
    assert (get_line(noted)["note"], noted["total"]) == ("Thin slices", "5.37")


def test_label_is_added_once_though_its_catalog_price_has_changed(till, shop, cheese, opened):
    path = f"orders/{opened['id']}/lines/"
    added = {"id": new_id(), "barcode": label(21, 463)}
    first = till.post(path, added)
    set_product(shop, cheese, price="27.80")

    again = till.post(path, added)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()


def test_label_is_added_once(till, opened, problem):
    path = f"orders/{opened['id']}/lines/"
    added = {"id": new_id(), "barcode": label(21, 463)}

    for _ in range(2):
        order = till.post(path, added).json()
        assert (order["total"], len(order["lines"])) == ("10.00", 2)
    other = {**added, "barcode": label(21, 464)}
    problem(till.post(path, other), 409, "id_conflict")

    given = till.post(f"orders/{opened['id']}/discounts/", percent("10", id=new_id())).json()
    assert (given["total"], given["subtotal"]) == ("9.00", "10.00")


# --- refunds ------------------------------------------------------------------------------------


def test_price_label_is_refunded_whole(till, manager_client, shop, cheese, problem):
    order = till.sold({"barcode": label(21, 537)}, payments=[cash("5.37")])

    part = request_refund(manager_client, order, lines=build_refund_lines(order, "0.1"))
    problem(part, 400, "invalid", {"lines[0].quantity": "only_whole"})
    assert manager_client.get(f"orders/{order['id']}/").json()["refunded_total"] == "0.00"

    whole = build_refund_lines(order, get_line(order)["quantity"])
    assert create_refund(manager_client, order, lines=whole)["total"] == "5.37"


@pytest.mark.parametrize("method", [{}, {"method": "cash"}, {"method": "store_credit"}])
def test_amount_that_is_a_part_of_a_price_label_is_refused(
    till, manager_client, shop, cheese, product, method, problem
):
    order = till.sold({"barcode": label(21, 537)}, line(product), payments=[cash("7.87")])
    before = snapshot_refund_rows(shop)

    for part in ("5.37", "7.86"):
        refused = request_refund(manager_client, order, amount=part, **method)
        problem(refused, 400, "invalid", {"amount": "only_whole"})

    assert snapshot_refund_rows(shop) == before
    assert create_refund(manager_client, order, amount="7.87", **method)["total"] == "7.87"
    ensure_refunds_consistent(shop)


def test_amount_is_refunded_of_the_other_lines_once_the_label_is_refunded(
    till, manager_client, shop, cheese, product
):
    order = till.sold({"barcode": label(21, 537)}, line(product), payments=[cash("7.87")])
    whole = build_refund_lines(order, order["lines"][0]["quantity"])
    create_refund(manager_client, order, lines=whole)

    part = create_refund(manager_client, order, amount="1.00")

    assert [each["line"] for each in part["lines"]] == [order["lines"][1]["id"]]
    assert create_refund(manager_client, order)["total"] == "1.50"
    ensure_refunds_consistent(shop)


def test_payout_that_stays_after_a_failed_card_is_a_part_of_the_label(
    till, manager_client, shop, manager, cheese, gateway
):
    order = till.sold({"barcode": label(21, 537)}, payments=[cash("2.00"), card("3.37")])
    refund = create_refund(manager_client, order)
    gateway.returns = [Answer(Outcome.DECLINED, reference="gw-1", reason="closed account")]
    with tenant_scope(shop):
        failed = Payout.objects.get(refund=refund["id"], method="card")
        look_up_payout(failed, by=manager)

    assert till.shown(order)["refunded_total"] == "2.00"
    assert create_refund(manager_client, order, method="cash")["total"] == "3.37"
    ensure_refunds_consistent(shop)


def test_weight_label_is_refunded_in_parts(till, manager_client, cheese):
    order = till.sold({"barcode": label(20, 735)}, payments=[cash_rest()])

    part = create_refund(manager_client, order, lines=build_refund_lines(order, "0.235"))

    assert part["total"] == "3.27"


# --- uploads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["barcode", "product"])
def test_upload_reads_the_price_of_a_label(till, cheese, by):
    code = label(21, 537)
    sold = {"barcode": code, "quantity": "0.386", "unit_price": "13.90"}
    more = {"product": str(cheese.pk)} if by == "product" else {}
    item = build_offline_sale(1, sold | more, payments=[cash("5.37")], total="5.37")

    order = upload_one_booked(till, item)

    assert (order["total"], order["flags"], order["adjustment"]) == ("5.37", [], "0.00")
    assert get_line(order)["fixed_gross"] == "5.37"
    assert get_line(order)["scanned_code"] == code


def test_upload_of_a_weight_label_is_booked_as_charged(till, cheese):
    sold = {"barcode": label(20, 735), "quantity": "0.735", "unit_price": "13.90"}

    order = upload_one_booked(till, build_offline_sale(1, sold, payments=[cash("10.22")]))

    assert (get_line(order)["sku"], order["total"], order["flags"]) == ("CHEESE", "10.22", [])


def test_upload_of_an_unknown_label_is_booked(till, cheese):
    code = label(21, 250, plu="999")
    sold = {"barcode": code, "quantity": "1", "unit_price": "2.50"}

    order = upload_one_booked(till, build_offline_sale(1, sold))

    assert (order["total"], order["flags"]) == ("2.50", ["unknown_product"])
    assert get_line(order)["fixed_gross"] is None


def test_upload_of_a_long_unknown_code_is_booked(till, cheese):
    sold = {"barcode": "x" * 200, "quantity": "1", "unit_price": "2.50"}

    booked = get_line(upload_one_booked(till, build_offline_sale(1, sold)))

    assert (booked["sku"], booked["scanned_code"]) == ("x" * 64, "x" * 200)


def test_upload_without_a_scan_is_unchanged(till, cheese):
    item = build_offline_sale(1, build_offline_line(cheese, "13.90", "0.1"))

    order = upload_one_booked(till, item | {"payments": [cash("1.39")]})

    assert (get_line(order)["scanned_code"], get_line(order)["fixed_gross"]) == ("", None)


def test_line_by_id_has_no_scanned_code(till, cheese):
    assert get_line(till.sold(line(cheese, "0.1")))["scanned_code"] == ""
