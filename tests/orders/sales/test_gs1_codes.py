"""GS1 codes: found, sold with weight, price, batch and dates, and refused when expired."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from orders.models import Order, OrderLine
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory
from tests.support.approvals import grant_approval, request_approval
from tests.support.offline import build_offline_sale, upload_one_booked
from tests.support.till import cash, cash_rest, get_line, line, new_id, set_product

pytestmark = pytest.mark.django_db

GTIN = "09520010000032"
FNC1 = "\x1d"
# The time zone of `TenantFactory`.
OF_SHOP = ZoneInfo("Europe/Berlin")


def on(days):
    """Return a day of the store as GS1 writes it."""
    today = timezone.now().astimezone(OF_SHOP)
    return (today + timedelta(days=days)).strftime("%y%m%d")


def iso(yymmdd):
    return datetime.strptime(yymmdd, "%y%m%d").date().isoformat()  # noqa: DTZ007


@pytest.fixture
def milk(make_product):
    product = make_product("2.00", sku="MILK", name="Milk")
    BarcodeFactory(product=product, code=GTIN[1:])
    return product


@pytest.fixture
def ham(make_product):
    product = make_product("10.00", sku="HAM", name="Ham", sold_by="weight")
    BarcodeFactory(product=product, code=GTIN)
    return product


def count_orders(shop):
    with tenant_scope(shop):
        return Order.objects.count(), OrderLine.objects.count()


@pytest.mark.parametrize(
    "code",
    [
        f"]C101{GTIN}",
        f"]d2{FNC1}01{GTIN}10AB{FNC1}21S1",
        f"{FNC1}01{GTIN}",
        f"(01){GTIN}(10)AB",
        f"https://id.gs1.org/01/{GTIN}/10/AB",
        f"]Q1https://id.gs1.org/01/{GTIN}/10/AB",
        f"]E0{GTIN[1:]}",
        f"]I1{GTIN}",
        f"]C0{GTIN[1:]}",
    ],
)
def test_code_finds_and_sells_its_product(till, milk, code):
    for name in ("barcode", "search"):
        (found,) = till.get("products/", {name: code}).json()["results"]
        assert found["sku"] == "MILK"

    sold = get_line(till.sold({"barcode": code, "quantity": "2"}, payments=[cash("4.00")]))

    assert (sold["sku"], sold["quantity"], sold["scanned_code"]) == ("MILK", "2", code)


@pytest.mark.parametrize(
    "code", ["(01)09520010000033", f"(01)1{GTIN[1:]}", f"(01){GTIN}(17)261301", f"01{GTIN}"]
)
def test_other_codes_find_nothing(till, shop, milk, code, problem):
    assert till.get("products/", {"barcode": code}).json()["results"] == []

    refused = till.sell({"barcode": code, "quantity": "1"})

    problem(refused, 400, "invalid", {"lines[0].barcode": "does_not_exist"})
    assert count_orders(shop) == (0, 0)


def test_line_keeps_batch_dates_and_serial(till, milk):
    best, last = on(3), on(5)
    code = f"]d201{GTIN}15{best}17{last}10LOT-7{FNC1}21S/1"

    order = till.sold({"barcode": code, "quantity": "1"}, payments=[cash("2.00")])

    kept = {name: get_line(order)[name] for name in ("lot", "best_before", "expires_on", "serial")}
    assert kept == {
        "lot": "LOT-7",
        "best_before": iso(best),
        "expires_on": iso(last),
        "serial": "S/1",
    }
    assert order == till.shown(order)


@pytest.mark.parametrize(
    "wanted",
    [
        {"barcode": f"(01){GTIN}(3922)537(15){on(3)}(17){on(5)}(10)LOT-7(21)S/1"},
        {"barcode": f"(01){GTIN}(3103)000735(10)LOT-7"},
        {"barcode": GTIN, "quantity": "1.5"},
        {"sku": "HAM", "quantity": "2", "discounts": [{"type": "percent", "value": "5"}]},
    ],
)
def test_calculation_shows_the_line_as_the_order_will(till, ham, wanted):
    (priced,) = till.post("orders/calculate/", {"lines": [wanted]}).json()["lines"]

    sold = get_line(till.sold(wanted))

    only_before = {"trace", "is_deposit"}
    only_when_stored = {"id", "note", "discounts", "deposit_for"}
    only_when_stored |= {"refunded_quantity", "refunded_total"}
    assert sold.keys() ^ priced.keys() == only_before | only_when_stored
    assert {name: priced[name] for name in priced.keys() & sold.keys()} == {
        name: sold[name] for name in priced.keys() & sold.keys()
    }


@pytest.mark.parametrize(
    ("element", "unit", "quantity", "total"),
    [
        ("(3103)000735", "kg", "0.735", "7.35"),
        ("(3202)000200", "kg", "0.907", "9.07"),
        ("(3202)000200", "lb", "2", "20.00"),
        ("(3103)001000", "lb", "2.205", "22.05"),
        ("(3105)099999", "kg", "1", "10.00"),
    ],
)
def test_net_weight_is_the_quantity(till, shop, ham, element, unit, quantity, total):
    set_product(shop, ham, weight_unit=unit)

    order = till.sold({"barcode": f"(01){GTIN}{element}"}, payments=[cash_rest()])

    assert (get_line(order)["quantity"], order["total"]) == (quantity, total)
    assert get_line(order)["fixed_gross"] is None


def test_net_weight_of_a_product_by_unit_is_no_quantity(till, shop, milk, problem):
    code = f"(01){GTIN}(3103)000735"

    refused = till.sell({"barcode": code})

    problem(refused, 400, "invalid", {"lines[0].quantity": "required"})
    assert count_orders(shop) == (0, 0)
    assert till.sold({"barcode": code, "quantity": "3"})["total"] == "6.00"


@pytest.mark.parametrize(
    ("elements", "quantity"),
    [
        ("(3922)537", "0.537"),
        ("(3932)978537", "0.537"),
        ("(3103)000537(3922)537", "0.537"),
        ("(3923)5366", "0.537"),
    ],
)
def test_price_is_the_total(till, ham, elements, quantity):
    order = till.sold({"barcode": f"(01){GTIN}{elements}"}, payments=[cash("5.37")])

    sold = get_line(order)
    assert (order["total"], sold["fixed_gross"], sold["quantity"]) == ("5.37", "5.37", quantity)


@pytest.mark.parametrize("price", ["(3922)1", "(3922)0", "(3932)978200"])
def test_price_of_a_product_by_unit_is_refused(till, shop, milk, price, problem):
    """Anybody can write such a code: no rule of the shop allows it."""
    refused = till.sell({"barcode": f"(01){GTIN}{price}", "quantity": "1"})

    error = "no_price" if price == "(3922)0" else "price_not_allowed"
    problem(refused, 400, "invalid", {"lines[0].barcode": error})
    assert count_orders(shop) == (0, 0)


def test_price_below_that_of_the_weight_needs_an_approval(till, shop, ham, problem):
    code = f"(01){GTIN}(3103)005000(3922)001"

    problem(till.sell({"barcode": code}, payments=[cash_rest()]), 403, "approval_required")
    assert count_orders(shop) == (0, 0)


def test_price_in_another_currency_is_refused(till, shop, ham, problem):
    refused = till.sell({"barcode": f"(01){GTIN}(3932)840537"})

    problem(refused, 400, "invalid", {"lines[0].barcode": "other_currency"})
    assert count_orders(shop) == (0, 0)


def test_upload_in_another_currency_is_booked_as_charged(till, ham):
    code = f"(01){GTIN}(3932)840537(10)A"
    sold = {"barcode": code, "quantity": "0.25", "unit_price": "10.00"}

    order = upload_one_booked(till, build_offline_sale(1, sold))

    assert (order["total"], get_line(order)["lot"]) == ("2.50", "A")


# --- expired ------------------------------------------------------------------------------------


@pytest.fixture
def expired(till, milk):
    """An order with a product that expired yesterday."""
    code = f"(01){GTIN}(17){on(-1)}"
    return till.order({"barcode": code, "quantity": "1"}, payments=[cash("2.00")])


def request_by(refusal):
    return {name: refusal[name] for name in ("action", "object")} | {"amount": None}


def test_expired_product_needs_an_approval(till, manager_client, shop, expired, problem):
    refused = problem(till.post("orders/", expired), 409, "expired")

    assert (refused["name"], refused["expires_on"]) == ("Milk", iso(on(-1)))
    assert count_orders(shop) == (0, 0)
    approval = grant_approval(manager_client, request_approval(till, **request_by(refused)))["id"]
    sold = till.post("orders/", expired | {"approval": approval})
    assert (sold.status_code, sold.json()["status"]) == (201, "completed")

    other = till.order(*expired["lines"], approval=approval)
    assert till.post("orders/", other).status_code in {403, 409}
    assert count_orders(shop) == (1, 1)


@pytest.fixture
def cheap_and_expired(expired):
    """The expired milk for half its price, which is above the limit of a cashier."""
    half = {"type": "percent", "value": "50"}
    return expired | {"discounts": [half], "payments": [cash("1.00")]}


def test_one_approval_covers_an_expired_product_and_its_discount(
    till, manager_client, shop, cheap_and_expired, problem
):
    refused = problem(till.post("orders/", cheap_and_expired), 409, "expired")
    assert (refused["action"], refused["amount"]) == ("sell_expired", "1.00")
    assert count_orders(shop) == (0, 0)

    request = {name: refused[name] for name in ("action", "object", "amount")}
    approval = grant_approval(manager_client, request_approval(till, **request))["id"]
    sold = till.post("orders/", cheap_and_expired | {"approval": approval})

    assert (sold.status_code, sold.json()["total"]) == (201, "1.00")
    with tenant_scope(shop):
        order = Order.objects.get(pk=cheap_and_expired["id"])
        (used,) = AuditEvent.objects.filter(event="approval_used")
        (given,) = AuditEvent.objects.filter(event="discount_given")
    assert (order.approved_gift, used.facts["amount"]) == (1, "1.00")
    assert given.facts["approver"] == used.facts["approver"]


@pytest.mark.parametrize(
    ("action", "amount"),
    [("sell_expired", None), ("sell_expired", "0.99"), ("discount", "1.00")],
)
def test_approval_of_one_of_both_is_refused(
    action, amount, till, manager_client, shop, cheap_and_expired, problem
):
    request = {"object": {"order": cheap_and_expired["id"]}, "amount": amount}
    approval = grant_approval(manager_client, request_approval(till, action, **request))["id"]

    answer = till.post("orders/", cheap_and_expired | {"approval": approval})

    problem(answer, 403, "approval_not_valid")
    assert count_orders(shop) == (0, 0)
    status = till.get(f"approvals/{approval}/").json()["status"]
    assert status == "approved"


def test_one_approval_adds_an_expired_product_with_a_discount(
    till, manager_client, shop, milk, problem
):
    order = till.sold(line(milk))
    path = f"orders/{order['id']}/lines/"
    code = f"(01){GTIN}(17){on(-1)}"
    added = {"id": new_id(), "barcode": code, "quantity": "1"}
    added |= {"discounts": [{"type": "percent", "value": "50"}]}
    refused = problem(till.post(path, added), 409, "expired")
    assert refused["amount"] == "1.00"
    assert len(till.shown(order)["lines"]) == 1

    request = {name: refused[name] for name in ("action", "object", "amount")}
    approval = grant_approval(manager_client, request_approval(till, **request))["id"]

    assert till.post(path, added | {"approval": approval}).json()["total"] == "3.00"


def test_approval_of_something_else_is_refused(till, manager_client, shop, expired):
    approval = request_approval(till, "void", object={"order": expired["id"]})
    grant_approval(manager_client, approval)

    assert till.post("orders/", expired | {"approval": approval["id"]}).status_code in {403, 409}
    assert count_orders(shop) == (0, 0)


def test_manager_needs_no_approval(managers_till, expired):
    assert managers_till.post("orders/", expired).json()["status"] == "completed"


@pytest.mark.parametrize(("element", "days"), [("17", 0), ("17", 1), ("15", -1), ("15", -400)])
def test_product_is_sold_until_it_expires_and_after_its_best_before_date(till, milk, element, days):
    """The last day counts; a best-before date never refuses."""
    code = f"(01){GTIN}({element}){on(days)}"

    assert till.sold({"barcode": code, "quantity": "1"}, payments=[cash("2.00")])


@pytest.mark.parametrize(
    ("zone", "is_expired"), [("Pacific/Kiritimati", True), ("Pacific/Pago_Pago", False)]
)
def test_date_is_that_of_the_store(till, store, milk, zone, is_expired):
    """Where it is tomorrow, what expires today has expired, and nowhere else."""
    with tenant_scope(store.tenant):
        store.timezone = zone
        store.save()
    now = timezone.now()
    here = now.astimezone(store.clock).date()
    day = (here - timedelta(days=1) if is_expired else here).strftime("%y%m%d")

    sold = till.sell({"barcode": f"(01){GTIN}(17){day}", "quantity": "1"})

    assert sold.status_code == (409 if is_expired else 201)


def test_expired_product_is_not_added_to_an_open_order(till, manager_client, shop, milk, problem):
    order = till.sold({"sku": "MILK", "quantity": "1"})
    path = f"orders/{order['id']}/lines/"
    added = {"id": new_id(), "barcode": f"(01){GTIN}(17){on(-1)}", "quantity": "1"}

    refused = problem(till.post(path, added), 409, "expired")

    assert till.shown(order) == order
    approval = grant_approval(manager_client, request_approval(till, **request_by(refused)))["id"]
    assert till.post(path, added | {"approval": approval}).json()["total"] == "4.00"
    # The same id again adds nothing and needs nothing.
    assert till.post(path, added).json()["total"] == "4.00"


def test_upload_of_an_expired_product_is_flagged(till, milk):
    for days, flags in ((-1, ["expired"]), (1, [])):
        code = f"(01){GTIN}(17){on(days)}"
        sold = {"barcode": code, "quantity": "1", "unit_price": "2.00"}
        item = build_offline_sale(2 + days, sold, payments=[cash("2.00")])

        order = upload_one_booked(till, item)

        assert (order["flags"], get_line(order)["expires_on"]) == (flags, iso(on(days)))


def test_calculation_reads_the_code(till, ham):
    priced = till.post("orders/calculate/", {"lines": [{"barcode": f"(01){GTIN}(3922)537"}]})

    assert priced.json()["total"] == "5.37"


@pytest.mark.parametrize("code", [FNC1, "a\tb", "x" * 201, FNC1 * 201])
def test_unreadable_code_is_refused(till, shop, milk, code):
    refused = till.sell({"barcode": code, "quantity": "1"})

    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert count_orders(shop) == (0, 0)
