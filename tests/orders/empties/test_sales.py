"""Sales with empties: totals, refusals, payments, open orders and products."""

from decimal import Decimal

import pytest

from orders.models import OrderLine, Product, StockMovement, StoreCredit
from orders.models.credit import mask_code
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import BarcodeFactory, ProductFactory, StoreCreditFactory
from tests.support.catalog_files import import_catalog, upload_catalog
from tests.support.labels import add_check_digit
from tests.support.refunds import ensure_refunds_consistent, snapshot_refund_rows
from tests.support.shifts import by_method, close_shift, fetch_shift_report, open_shift
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


def credit(value, code):
    return {"id": new_id(), "method": "store_credit", "amount": value, "reference": code}


# --- totals -------------------------------------------------------------------------------------


def test_empties_reduce_the_total(till, empties, product):
    order = till.sold(line(product, "2"), empties("6"), payments=[cash("3.50", "5.00")])

    returned = order["lines"][1]
    assert (order["status"], order["total"], order["change_total"]) == ("completed", "3.50", "1.50")
    assert (returned["quantity"], returned["unit_price"]) == ("-6", "0.25")
    assert (returned["gross"], returned["net"], returned["total"]) == ("-1.50", "-1.50", "-1.50")
    assert returned["taxes"][0]["amount"] == "-0.24"
    assert (order["deposit_return_total"], order["subtotal"]) == ("1.50", "3.50")
    assert order["deposit_return_by"] == order["cashier"]
    assert order == till.shown(order)


def test_empties_alone_are_paid_out(till, shop, empties):
    order = till.sold(empties("6"), payments=[cash("-1.50")])

    (payment,) = order["payments"]
    assert (order["status"], order["total"], order["due"]) == ("completed", "-1.50", "0.00")
    assert (order["paid_total"], order["change_total"]) == ("-1.50", "0.00")
    assert (payment["amount"], payment["tendered"], payment["change"]) == ("-1.50", None, "0.00")
    assert order["receipt_number"] == 1
    assert order == till.shown(order)
    ensure_refunds_consistent(shop)


def test_empties_that_equal_the_goods_need_no_payment(till, empties, make_product):
    order = till.sold(line(make_product("0.50")), empties("2"))

    assert (order["status"], order["total"], order["payments"]) == ("completed", "0.00", [])


def test_order_discount_leaves_empties(managers_till, empties, product):
    order = managers_till.sold(line(product, "2"), empties("2"), discounts=[amount("9.00")])

    assert (order["discount_total"], order["total"]) == ("5.00", "-0.50")


def test_empties_do_not_change_the_limits_of_discounts(till, empties, product, unchanged):
    """A cashier may take 10 percent off the goods, with empties or without."""
    order = till.sold(line(product, "2"), empties("4"), discounts=[percent("10")])
    assert order["total"] == "3.50"

    sold = [line(product, "2"), empties("4")]
    unchanged(lambda: till.sell(*sold, discounts=[amount("0.51")]), 403, "approval_required")


def test_empties_take_no_stock(till, shop, empties, product):
    with tenant_scope(shop):
        before = StockMovement.objects.count()

    till.sold(line(product), empties("6"), payments=[cash_rest()])

    with tenant_scope(shop):
        assert StockMovement.objects.count() == before + 1
        assert OrderLine.objects.get(quantity__lt=0).tracks_stock is False


def test_calculation_shows_a_negative_total(till, shop, empties):
    priced = till.post("orders/calculate/", {"lines": [empties("3")]}).json()

    assert (priced["total"], priced["cash_total"], priced["tax_total"]) == (
        "-0.75",
        "-0.75",
        "-0.12",
    )
    with tenant_scope(shop):
        assert not OrderLine.objects.exists()


def test_tax_of_empties_by_order(till, configure_shop, empties, product):
    configure_shop(tax_rounding_level="order")

    order = till.sold(line(product, "3"), empties("5"), payments=[cash_rest()])

    (tax,) = order["taxes"]
    # 6.25 x 19 / 119
    assert (order["total"], tax["amount"], tax["taxable"]) == ("6.25", "1.00", "5.25")


@pytest.mark.parametrize(("currency", "total"), [("JPY", "-300"), ("KWD", "-0.300")])
def test_empties_in_the_currency(till, configure_shop, set_limits, make_product, currency, total):
    configure_shop(currency)
    set_limits(cashier={"deposit_return_amount": None})
    price = "100" if currency == "JPY" else "0.100"
    empty = make_product(price, returnable=True)

    configure_shop(currency)
    order = till.sold(line(empty, "-3"), payments=[cash_rest()])

    assert (order["total"], order["paid_total"]) == (total, total)


def test_empty_is_found_by_its_barcode(till, empty):
    BarcodeFactory(product=empty, code="4006381333931")

    order = till.sold({"barcode": "4006381333931", "quantity": "-2"}, payments=[cash_rest()])

    assert (order["total"], get_line(order)["scanned_code"]) == ("-0.50", "4006381333931")


# --- refused lines ------------------------------------------------------------------------------


def test_negative_quantity_of_other_products_is_refused(till, product, empty, unchanged):
    for sold in ([line(product, "-1")], [line(empty, "-1"), line(product, "-1")]):
        field = f"lines[{len(sold) - 1}].quantity"
        unchanged(lambda sold=sold: till.sell(*sold), 400, "invalid", {field: "invalid"})


@pytest.mark.parametrize("quantity", ["1", 1, "0.001"])
def test_returnable_product_is_not_sold(till, empty, quantity, unchanged):
    set_product(empty.tenant, empty, sold_by="weight")

    refused = {"lines[0].quantity": "not_negative"}
    unchanged(lambda: till.sell(line(empty, quantity)), 400, "invalid", refused)


@pytest.mark.parametrize("quantity", ["-0", "0", "-0.0001", "-1000000", "--1", "-"])
def test_wrong_quantity_is_refused(till, empty, quantity, unchanged):
    codes = {"-0.0001": "max_decimal_places", "-1000000": "max_digits", "--1": "invalid"}
    code = codes.get(quantity, "zero" if "0" in quantity else "invalid")
    refused = {"lines[0].quantity": code}
    unchanged(lambda: till.sell(line(empty, quantity)), 400, "invalid", refused)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"unit_price": "5.00"}, "unit_price"),
        ({"unit_price": "0.25"}, "unit_price"),
        ({"discounts": [percent("10")]}, "discounts"),
    ],
)
def test_price_and_discounts_of_empties_are_refused(managers_till, empties, more, field, unchanged):
    refused = {f"lines[0].{field}": "returned"}
    unchanged(lambda: managers_till.sell(empties(**more)), 400, "invalid", refused)


def test_price_label_of_an_empty_is_refused(till, shop, empty):
    set_product(shop, empty, plu="123")
    BarcodeRuleFactory(tenant=shop, pattern="21IIIIIVVVVVC", kind="price")
    scanned = {"barcode": add_check_digit("210012300537"), "quantity": "-1"}

    answer = till.sell(scanned)

    errors = {(each["field"], each["code"]) for each in answer.json()["errors"]}
    assert answer.status_code == 400
    assert errors >= {("lines[0].quantity", "fixed_by_label"), ("lines[0].barcode", "returned")}
    with tenant_scope(shop):
        assert not OrderLine.objects.exists()


# --- payments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payments",
    [
        [card("-1.50")],
        [{"id": "0" * 8 + "-0000-4000-8000-" + "0" * 12, "method": "voucher", "amount": "-1.50"}],
        [cash("-1.49")],
        [cash("-1.51")],
        [cash("1.50")],
        [cash("0.00")],
        [cash("-0.50"), cash("-1.00")],
        [cash("-1.50"), cash("-1.50")],
        [credit("-1.00", "GIFT")],
        [card("1.50", entry="external", reference="slip")],
    ],
)
def test_other_payments_of_a_negative_total_are_refused(till, empties, payments, unchanged):
    answer = unchanged(lambda: till.sell(empties("6"), payments=payments), 409, "due_to_customer")

    assert (answer["due"], answer["payable"]) == ("-1.50", "-1.50")


def test_nothing_is_tendered_for_a_negative_total(till, empties, unchanged):
    refused = {"payments[0].tendered": "not_tendered"}
    unchanged(
        lambda: till.sell(empties("6"), payments=[cash("-1.50", "0.00")]), 400, "invalid", refused
    )


@pytest.mark.parametrize("payment", [cash("-1.00"), card("-1.00"), credit("-1.00", "GIFT")])
def test_negative_payment_of_a_positive_total_is_refused(till, product, payment, unchanged):
    refused = {"payments[0].amount": "invalid"}
    unchanged(lambda: till.sell(line(product), payments=[payment]), 400, "invalid", refused)


@pytest.mark.parametrize(
    ("mode", "quantity", "payable", "rounding"),
    [
        ("half_up", "1", "-0.25", "0.00"),
        ("half_up", "3", "-0.80", "-0.02"),
        ("down", "3", "-0.75", "0.03"),
    ],
)
def test_what_is_paid_out_is_rounded_to_coins(
    till, configure_shop, make_product, mode, quantity, payable, rounding
):
    configure_shop("CHF", cash_rounding_increment=Decimal("0.05"), cash_rounding_mode=mode)
    price = "0.25" if quantity == "1" else "0.26"

    order = till.sold(line(make_product(price, returnable=True), f"-{quantity}"))
    assert (order["status"], order["cash_due"]) == ("open", payable)
    paid = till.pay(order, cash_rest()).json()

    assert (paid["status"], paid["paid_total"], paid["cash_rounding"]) == (
        "completed",
        payable,
        rounding,
    )


def test_less_than_half_a_coin_is_not_paid_out(till, configure_shop, make_product):
    configure_shop("CHF", cash_rounding_increment=Decimal("0.05"))

    order = till.sold(line(make_product("0.02", returnable=True), "-1"), payments=[cash_rest()])

    assert (order["status"], order["paid_total"], order["cash_rounding"]) == (
        "completed",
        "0.00",
        "0.02",
    )


def test_store_credit_gets_what_is_due(till, shop, empties):
    StoreCreditFactory(tenant=shop, code="GIFT-1", balance=Decimal("10.00"))

    order = till.sold(empties("6"), payments=[credit("-1.50", "gift-1".upper())])

    assert order["payments"][0]["reference"] == "****T-1"
    with tenant_scope(shop):
        assert StoreCredit.objects.get(code="GIFT-1").balance == Decimal("11.50")
    ensure_refunds_consistent(shop)


@pytest.fixture(params=["sale", "payment"])
def pay_out(request, till, empties):
    """Return a function that pays six empties out as store credit."""
    opened = till.sold(empties("6")) if request.param == "payment" else None

    def run(code=None):
        payment = credit("-1.50", code)
        if code is None:
            del payment["reference"]
        if opened:
            return till.pay(opened, payment)
        return till.sell(empties("6"), payments=[payment])

    return run


def test_new_store_credit_is_made_without_a_code(shop, till, pay_out):
    order = pay_out().json()

    [made] = order["store_credit_codes"]
    (payment,) = order["payments"]
    assert made["payment"] == payment["id"]
    assert payment["reference"] == mask_code(made["code"])
    with tenant_scope(shop):
        assert StoreCredit.objects.get(code=made["code"]).balance == Decimal("1.50")
    assert till.shown(order)["store_credit_codes"] is None
    assert made["code"] not in till.get("orders/").content.decode()
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("code", [" ", "\u200b"])
def test_blank_code_makes_a_new_credit(pay_out, code):
    (made,) = pay_out(code).json()["store_credit_codes"]

    assert len(made["code"]) == 14


def test_unknown_code_is_refused_and_counted(shop, pay_out, problem):
    before = snapshot_refund_rows(shop)

    problem(pay_out("TYPO-77"), 409, "insufficient_store_credit")

    after = snapshot_refund_rows(shop)
    (failed,) = after["AuditEvent"]
    assert failed["event"] == "store_credit_code_failed"
    assert after | {"AuditEvent": []} == before


def test_repeated_payment_without_a_code_is_the_same(till, empties):
    order = till.sold(empties("6"))
    payment = {"id": new_id(), "method": "store_credit", "amount": "-1.50"}

    first, second = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["payments"] == second.json()["payments"]
    assert second.json()["store_credit_codes"] is None


def test_only_the_original_print_shows_the_new_code(till, pay_out):
    order = pay_out().json()
    code = order["store_credit_codes"][0]["code"]
    path = f"orders/{order['id']}/receipt/"

    shown = till.get(path).content.decode()
    original, copy = (till.get(f"{path}?format=text").content.decode() for _ in range(2))

    assert code in original
    assert code not in copy
    assert code not in shown


def test_code_of_a_known_credit_is_not_printed(till, shop, pay_out):
    StoreCreditFactory(tenant=shop, code="GIFT-1234", balance=Decimal("10.00"))

    order = pay_out("GIFT-1234").json()

    assert order["store_credit_codes"] is None
    assert (
        "GIFT-1234" not in till.get(f"orders/{order['id']}/receipt/?format=text").content.decode()
    )


def test_blocked_credit_is_refused(shop, pay_out, unchanged):
    StoreCreditFactory(tenant=shop, code="GIFT-1", is_active=False)

    unchanged(lambda: pay_out("GIFT-1"), 409, "store_credit_blocked")


@pytest.mark.parametrize("code", ["x" * 65, "x" * 100, "\ufdfa" * 4])
def test_code_that_is_too_long_for_a_credit_is_refused(manager_client, unchanged, code):
    """Letters such as one ligature become several when codes are normalized."""
    body = {"id": new_id(), "amount": "5.00", "code": code, "reason": "Gift"}
    unchanged(
        lambda: manager_client.post("store-credits/", body), 400, "invalid", {"code": "max_length"}
    )


def test_repeated_payment_is_paid_out_once(till, shop, empties):
    order = till.sold(empties("6"))
    payment = cash("-1.50")

    first, again = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["payments"] == again.json()["payments"]
    ensure_refunds_consistent(shop)


def test_repeated_order_is_paid_out_once(till, shop, empties):
    body = till.order(empties("6"), payments=[cash("-1.50")])

    first, again = till.post("orders/", body), till.post("orders/", body)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    with tenant_scope(shop):
        assert OrderLine.objects.count() == 1


# --- open orders --------------------------------------------------------------------------------


@pytest.fixture
def opened(managers_till, product, empties):
    return managers_till.sold(line(product, "2"), empties("6"))


def path_of(order, at):
    return f"orders/{order['id']}/lines/{order['lines'][at]['id']}/"


def test_empties_are_added_changed_and_removed(managers_till, opened, empties):
    path = f"orders/{opened['id']}/lines/"
    added = managers_till.post(path, {"id": new_id(), **empties("30")}).json()
    assert (added["total"], added["deposit_return_total"]) == ("-4.00", "9.00")

    changed = managers_till.patch(path_of(added, 2), {"quantity": "-2"}, If_Match="*").json()
    assert (changed["total"], changed["deposit_return_total"]) == ("3.00", "2.00")

    left = managers_till.delete(path_of(added, 2)).json()
    assert (left["total"], left["deposit_return_total"]) == ("3.50", "1.50")


@pytest.mark.parametrize(
    ("at", "change", "errors"),
    [
        (1, {"quantity": "6"}, {"quantity": "not_negative"}),
        (0, {"quantity": "-2"}, {"quantity": "invalid"}),
        (1, {"unit_price": "0.50"}, {"unit_price": "returned"}),
    ],
)
def test_wrong_changes_of_lines_are_refused(managers_till, opened, at, change, errors, unchanged):
    unchanged(
        lambda: managers_till.patch(path_of(opened, at), change, If_Match="*"),
        400,
        "invalid",
        errors,
    )


def test_discount_of_empties_is_refused(managers_till, opened, unchanged):
    discount = percent("10", id=new_id(), line=opened["lines"][1]["id"])
    path = f"orders/{opened['id']}/discounts/"

    unchanged(lambda: managers_till.post(path, discount), 400, "invalid", {"line": "returned"})


def test_partly_paid_order_cannot_fall_below_what_was_paid(
    managers_till, opened, empties, unchanged
):
    managers_till.pay(opened, cash("3.00"))

    path = f"orders/{opened['id']}/lines/"
    unchanged(lambda: managers_till.post(path, empties("30")), 409, "paid_more_than_total")


def test_open_order_with_a_negative_total_is_paid_out_later(managers_till, opened, empties):
    order = managers_till.post(f"orders/{opened['id']}/lines/", empties("30")).json()
    assert (order["due"], order["cash_due"]) == ("-4.00", "-4.00")

    paid = managers_till.pay(order, cash("-4.00")).json()

    assert (paid["status"], paid["paid_total"]) == ("completed", "-4.00")


# --- drawer, reports and receipts ---------------------------------------------------------------


@pytest.fixture
def shift(till, shop, product, empties):
    """An open shift with a sale of 10.00, and with empties for 1.50 in cash and 1.00 as credit."""
    shift = open_shift(till, "20.00")
    till.sold(line(product, "4"), payments=[cash("10.00")])
    till.sold(empties("6"), payments=[cash("-1.50")])
    StoreCreditFactory(tenant=shop, code="GIFT-1", balance=Decimal("10.00"))
    till.sold(empties("4"), payments=[credit("-1.00", "GIFT-1")])
    return shift


def test_drawer_counts_what_was_paid_out(manager_client, shop, shift):
    report = fetch_shift_report(manager_client, shift)
    assert (report["sales"]["count"], report["sales"]["total"]) == (3, "7.50")
    assert (report["cash"]["payments"], report["cash"]["expected"]) == ("8.50", "28.50")
    expected = by_method(report["expected"], "amount")
    assert expected == {"cash": Decimal("28.50"), "store_credit": Decimal("-1.00")}

    counted = [{"method": method, "amount": str(each)} for method, each in expected.items()]
    closed = close_shift(manager_client, shift, counted=counted)

    assert closed.status_code == 200, closed.content
    assert {each["difference"] for each in closed.json()["counted"]} == {"0.00"}
    assert fetch_shift_report(manager_client, shift, "z")["sales"]["total"] == "7.50"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize(
    "group", ["hour", "day", "product", "category", "cashier", "register", "method", "tax"]
)
def test_reports_count_what_was_paid_out(manager_client, shift, group):
    report = manager_client.get("reports/sales/", {"group_by": group})
    sheet = manager_client.get("reports/sales/", {"group_by": group, "format": "csv"})

    assert (report.status_code, sheet.status_code) == (200, 200)
    # Groups of lines and taxes have no total of receipts.
    assert report.json()["total"]["total"] in {"7.50", None}
    assert report.json()["total"]["net_total"] in {"7.50", None}


@pytest.mark.parametrize("format", ["json", "html", "text", "escpos"])
def test_receipt_shows_empties_and_what_was_paid_out(till, empties, format):
    order = till.sold(empties("6"), payments=[cash("-1.50")])

    receipt = till.get(f"orders/{order['id']}/receipt/", {"format": format})

    assert receipt.status_code == 200
    assert b"-1.50" in receipt.content
    gift = till.get(f"orders/{order['id']}/receipt/", {"format": format, "prices": "false"})
    assert gift.status_code == 200


# --- products -----------------------------------------------------------------------------------


def test_product_is_made_returnable(manager_client, product):
    path = f"products/{product.pk}/"

    changed = manager_client.patch(path, {"returnable": True}, If_Match="*").json()

    assert changed["returnable"] is True
    assert manager_client.get(path).json() == changed


@pytest.mark.parametrize("kind", ["open price", "has a deposit", "is a deposit", "becomes deposit"])
def test_product_that_cannot_be_returnable(manager_client, shop, product, kind, problem):
    other = ProductFactory(tenant=shop, sku="OTHER")
    changes, target, errors = {"returnable": True}, product, {"returnable": "price_not_fixed"}
    if kind == "open price":
        set_product(shop, product, open_price=True)
    elif kind == "has a deposit":
        set_product(shop, product, deposit=other)
        errors = {"returnable": "has_deposit"}
    elif kind == "is a deposit":
        set_product(shop, product, deposit=other)
        target, errors = other, {"returnable": "is_deposit"}
    else:
        set_product(shop, other, returnable=True)
        changes, errors = {"deposit": str(other.pk)}, {"deposit": "is_returnable"}
    with tenant_scope(shop):
        before = list(Product.objects.order_by("pk").values())

    refused = manager_client.patch(f"products/{target.pk}/", changes, If_Match="*")

    problem(refused, 400, "invalid", errors)
    with tenant_scope(shop):
        assert list(Product.objects.order_by("pk").values()) == before


def test_import_of_returnable_products(manager_client, shop, product):
    text = "sku,name,price,returnable,deposit\nE,Empty,0.25,yes,\nB,Bottle,1,no,D\nD,Deposit,1,,\n"

    assert import_catalog(manager_client, text) == (3, 0, 0)
    assert import_catalog(manager_client, text) == (0, 0, 3)
    with tenant_scope(shop):
        assert Product.objects.get(returnable=True).sku == "E"
        before = list(Product.objects.order_by("pk").values())

    for rows, error in (
        ("D,yes,\n", ("returnable", "is_deposit")),
        ("B,yes,D\n", ("returnable", "has_deposit")),
        ("B,no,E\n", ("deposit", "is_returnable")),
    ):
        answer = upload_catalog(manager_client, f"sku,returnable,deposit\n{rows}")
        found = [(each["field"], each["code"]) for each in answer.json()["errors"]]
        assert (answer.status_code, found) == (400, [error])
    with tenant_scope(shop):
        assert list(Product.objects.order_by("pk").values()) == before


def test_orders_are_filtered_by_negative_totals(till, empties, problem):
    order = till.sold(empties("6"), payments=[cash("-1.50")])

    for query, found in (
        ({"total_max": "-1.50"}, True),
        ({"total_min": "-1.50", "total_max": "0"}, True),
        ({"total_max": "-1.51"}, False),
        ({"total_min": "-1.49"}, False),
    ):
        results = till.get("orders/", query).json()["results"]
        assert (order["id"] in [each["id"] for each in results]) is found, query
    problem(till.get("orders/", {"total_min": "--1"}), 400, "invalid", {"total_min": "invalid"})


def test_empties_with_a_code_that_has_expired_are_taken_back(till, empty, product):
    BarcodeFactory(product=empty, code="4006381333931")
    code = "(01)04006381333931(17)200101"

    order = till.sold({"barcode": code, "quantity": "-2"}, payments=[cash_rest()])

    assert order["total"] == "-0.50"
    opened = till.sold(line(product))
    body = {"id": new_id(), "barcode": code, "quantity": "-2"}
    assert till.post(f"orders/{opened['id']}/lines/", body).status_code == 200
