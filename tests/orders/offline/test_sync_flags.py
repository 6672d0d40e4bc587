"""What about a sale made offline is not as we would have done it: booked so, and flagged."""

from decimal import Decimal

import pytest

from orders.models import Order, StockMovement, StoreCredit
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import StoreCreditFactory, TaxClassFactory
from tests.support.offline import ago, booked, booked_one, charged, sale
from tests.support.till import (
    Till,
    cash,
    ensure_books_balance,
    new_id,
    percent,
    receipt_numbers,
    shelf,
)

pytestmark = pytest.mark.django_db


def paid(amount):
    return {"payments": [cash(amount)]}


def test_stock_goes_below_nothing_whatever_the_policy(till, product, store, shop):
    """The shop refuses to sell what is not there, but this is sold."""
    first, second, third = booked(
        till,
        sale(1, charged(product, quantity="8"), **paid("20.00")),
        sale(2, charged(product, quantity="3"), **paid("7.50")),
        sale(3, charged(product)),
    )

    assert [each["flags"] for each in (first, second, third)] == [[], ["oversold"], ["oversold"]]
    assert shelf(product, store) == (-2, 0)
    ensure_books_balance(shop)


def test_what_never_lay_there_is_oversold(till, goods, store):
    fresh = goods(stock=None)

    assert booked_one(till, sale(1, charged(fresh)))["flags"] == ["oversold"]
    assert shelf(fresh, store) == (-1, 0)


def test_a_count_made_after_the_sale_stays_true(till, room, goods, store, shop):
    """Whoever counted found it gone: it is neither gone twice, nor short."""
    apples = goods("2.50", stock=None)
    room.moved("receive", apples, "1")
    item = sale(1, charged(apples), sold_at=ago(seconds=0))
    room.moved("count", apples, "0")

    order = booked_one(till, item)

    assert order["flags"] == []
    assert shelf(apples, store) == (0, 0)
    ensure_books_balance(shop)


def test_another_price_than_the_catalogs_is_booked_and_flagged(till, product):
    order = booked_one(till, sale(1, charged(product, "2.00"), **paid("2.00")))

    assert order["flags"] == ["over_limit", "price_differs"]
    assert (order["total"], order["lines"][0]["list_price"]) == ("2.00", "2.50")


def test_an_open_price_has_no_other(till, goods):
    order = booked_one(
        till, sale(1, charged(goods("0.00", open_price=True), "7.00"), **paid("7.00"))
    )

    assert order["flags"] == []


def test_what_is_not_on_sale_any_more_was_sold(till, goods):
    order = booked_one(till, sale(1, charged(goods(is_active=False))))

    assert order["flags"] == ["not_on_sale"]


def test_what_no_catalog_knows_is_booked_as_the_till_calls_it(till, chief, shop, register):
    tax = {"name": "VAT", "percent": "7", "included": True}
    unknown = {"sku": "NEW-1", "name": "Novelty", "quantity": "0.5", "unit_price": "5.00"}

    order = booked_one(till, sale(1, unknown | {"taxes": [tax]}))
    report = chief.get("reports/sales/", {"group_by": "product"}).json()
    refund = chief.post(f"orders/{order['id']}/refunds/", {"id": new_id(), "reason": "Odd"})

    (sold,) = order["lines"]
    assert (sold["product"], sold["sku"], sold["name"]) == (None, "NEW-1", "Novelty")
    assert sold["taxes"] == [{**tax, "compound": False, "taxable": "2.34", "amount": "0.16"}]
    assert order["flags"] == ["unknown_product"]
    assert [(row["label"], row["total"]) for row in report["rows"]] == [
        ("Not in the catalog", "2.50")
    ]
    assert refund.json()["total"] == "2.50"


def test_a_product_is_known_by_any_of_its_names(till, product):
    named = {"product": new_id(), "sku": "APPLE", "quantity": "1", "unit_price": "2.50"}

    order = booked_one(till, sale(1, named))

    assert (order["lines"][0]["product"], order["flags"]) == (str(product.pk), [])


def test_taxes_are_those_that_were_charged(till, goods, shop):
    rate = {"name": "VAT", "percent": "19", "included": True, "compound": False}
    product = goods("1.19", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))
    old = rate | {"percent": "16"}

    today, before = booked(
        till,
        sale(1, charged(product, "1.19", taxes=[rate | {"percent": "19.00"}]), **paid("1.19")),
        sale(2, charged(product, "1.19", taxes=[old]), **paid("1.19")),
    )

    assert (today["flags"], today["tax_total"]) == ([], "0.19")
    assert (before["flags"], before["tax_total"]) == (["tax_differs"], "0.16")


def test_a_discount_beyond_the_cashiers_limit_is_flagged(till, goods, manager, shop):
    """The lower limits of both count: naming somebody else does not raise one's own."""
    product, gone = goods(stock="20"), UserFactory(tenant=shop, is_active=False)
    half = charged(product, quantity="2", discounts=[percent("50")])
    tenth = charged(product, quantity="2", discounts=[percent("10")])

    managers = Till(manager, till.register)
    cases = [
        (till, half, till.user, "2.50", ["over_limit"]),
        (till, half, manager, "2.50", ["cashier_differs", "over_limit"]),
        (till, tenth, manager, "4.50", ["cashier_differs"]),
        (till, tenth, gone, "4.50", ["cashier_differs"]),
        (till, half, gone, "2.50", ["cashier_differs", "over_limit"]),
        (managers, half, till.user, "2.50", ["cashier_differs", "over_limit"]),
        (managers, half, manager, "2.50", []),
    ]

    flags = [
        booked_one(at, sale(number, item, cashier=str(who.pk), **paid(amount)))["flags"]
        for number, (at, item, who, amount, _) in enumerate(cases, 1)
    ]

    assert flags == [expected for *_, expected in cases]


def test_two_sales_of_one_number_are_both_sales(till, product, store, register, chief):
    first, second, third = booked(till, *(sale(7, charged(product)) for _ in range(3)))

    assert [each["device_sequence"] for each in (first, second, third)] == [7, 7, 7]
    assert [each["flags"] for each in (first, second, third)] == [
        [],
        ["sequence_taken"],
        ["sequence_taken"],
    ]
    assert shelf(product, store) == (7, 0)
    assert receipt_numbers(register) == [1, 2, 3]
    gaps = chief.get(f"registers/{register.pk}/gaps/").json()
    assert (gaps["issued"], gaps["held"], gaps["missing"]) == (7, 1, 6)


def test_a_clock_that_is_wrong_is_flagged_and_not_believed(till, product, shop):
    ahead, early, behind, skew = booked(
        till,
        sale(1, charged(product), sold_at=ago(hours=-1)),
        sale(2, charged(product), sold_at=ago(minutes=-4)),
        sale(3, charged(product), sold_at=ago(days=30)),
        sale(4, charged(product), sold_at="1970-01-01T00:00:00Z"),
    )

    assert [each["flags"] for each in (ahead, early, behind, skew)] == [
        ["sold_in_future"],
        [],
        [],
        ["clock_skew"],
    ]
    assert skew["sold_at"] == "1970-01-01T00:00:00.000Z"
    with tenant_scope(shop):
        orders = {str(each.pk): each for each in Order.objects.all()}
        left = {
            str(each.order_id): each.occurred_at
            for each in StockMovement.objects.filter(type="sale")
        }
    booked_at = [orders[each["id"]].completed_at for each in (ahead, early, skew)]
    assert [left[each["id"]] for each in (ahead, early, skew)] == booked_at
    assert left[behind["id"]] == orders[behind["id"]].sold_at


@pytest.mark.parametrize("balance", ["10.00", "1.00", None])
def test_store_credit_is_taken_if_it_is_there_and_else_flagged(balance, till, product, shop, chief):
    """The ledger never goes below nothing; the goods are gone all the same."""
    if balance:
        StoreCreditFactory(tenant=shop, code="GIFT", balance=Decimal(balance))
    payment = {"id": new_id(), "method": "store_credit", "amount": "2.50", "reference": "GIFT"}

    order = booked_one(till, sale(1, charged(product), payments=[payment]))

    (kept,) = order["payments"]
    is_there = balance == "10.00"
    assert order["flags"] == ([] if is_there else ["credit_short"])
    assert kept["method"] == ("store_credit" if is_there else "other")
    assert (kept["reference"], kept["status"]) == ("****FT", "captured")
    with tenant_scope(shop):
        left = list(StoreCredit.objects.values_list("balance", flat=True))
    assert left == ([Decimal(balance) - (Decimal("2.50") if is_there else 0)] if balance else [])
