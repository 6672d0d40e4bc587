"""What about a sale made offline is not as we would have done it: booked so, and flagged."""

from decimal import Decimal

import pytest

from orders.models import Order, StockMovement, StoreCredit
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import StoreCreditFactory, TaxClassFactory
from tests.support.offline import (
    ago,
    build_offline_line,
    build_offline_sale,
    upload_all_booked,
    upload_one_booked,
)
from tests.support.till import (
    Till,
    cash,
    ensure_books_balance,
    get_stock_level,
    list_receipt_numbers,
    new_id,
    percent,
)

pytestmark = pytest.mark.django_db


def paid(amount):
    return {"payments": [cash(amount)]}


def test_stock_goes_below_nothing_whatever_the_policy(till, product, store, shop):
    """The shop refuses to sell what is not there, but this is sold."""
    first, second, third = upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product, quantity="8"), **paid("20.00")),
        build_offline_sale(2, build_offline_line(product, quantity="3"), **paid("7.50")),
        build_offline_sale(3, build_offline_line(product)),
    )

    assert [each["flags"] for each in (first, second, third)] == [[], ["oversold"], ["oversold"]]
    assert get_stock_level(product, store) == (-2, 0)
    ensure_books_balance(shop)


def test_what_never_lay_there_is_oversold(till, make_product, store):
    fresh = make_product(stock=None)

    assert upload_one_booked(till, build_offline_sale(1, build_offline_line(fresh)))["flags"] == [
        "oversold"
    ]
    assert get_stock_level(fresh, store) == (-1, 0)


def test_a_count_made_after_the_sale_stays_true(till, stockroom, make_product, store, shop):
    """Whoever counted found it gone: it is neither gone twice, nor short."""
    apples = make_product("2.50", stock=None)
    stockroom.moved("receive", apples, "1")
    item = build_offline_sale(1, build_offline_line(apples), sold_at=ago(seconds=0))
    stockroom.moved("count", apples, "0")

    order = upload_one_booked(till, item)

    assert order["flags"] == []
    assert get_stock_level(apples, store) == (0, 0)
    ensure_books_balance(shop)


def test_another_price_than_the_catalogs_is_booked_and_flagged(till, product):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product, "2.00"), **paid("2.00"))
    )

    assert order["flags"] == ["over_limit", "price_differs"]
    assert (order["total"], order["lines"][0]["list_price"]) == ("2.00", "2.50")


def test_an_open_price_has_no_other(till, make_product):
    order = upload_one_booked(
        till,
        build_offline_sale(
            1, build_offline_line(make_product("0.00", open_price=True), "7.00"), **paid("7.00")
        ),
    )

    assert order["flags"] == []


def test_what_is_not_on_sale_any_more_was_sold(till, make_product):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(make_product(is_active=False)))
    )

    assert order["flags"] == ["not_on_sale"]


def test_what_no_catalog_knows_is_booked_as_the_till_calls_it(till, manager_client, shop, register):
    tax = {"name": "VAT", "percent": "7", "included": True}
    unknown = {"sku": "NEW-1", "name": "Novelty", "quantity": "0.5", "unit_price": "5.00"}

    order = upload_one_booked(till, build_offline_sale(1, unknown | {"taxes": [tax]}))
    report = manager_client.get("reports/sales/", {"group_by": "product"}).json()
    refund = manager_client.post(
        f"orders/{order['id']}/refunds/", {"id": new_id(), "reason": "Odd"}
    )

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

    order = upload_one_booked(till, build_offline_sale(1, named))

    assert (order["lines"][0]["product"], order["flags"]) == (str(product.pk), [])


def test_taxes_are_those_that_were_charged(till, make_product, shop):
    rate = {"name": "VAT", "percent": "19", "included": True, "compound": False}
    product = make_product("1.19", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))
    old = rate | {"percent": "16"}

    today, before = upload_all_booked(
        till,
        build_offline_sale(
            1,
            build_offline_line(product, "1.19", taxes=[rate | {"percent": "19.00"}]),
            **paid("1.19"),
        ),
        build_offline_sale(2, build_offline_line(product, "1.19", taxes=[old]), **paid("1.19")),
    )

    assert (today["flags"], today["tax_total"]) == ([], "0.19")
    assert (before["flags"], before["tax_total"]) == (["tax_differs"], "0.16")


def test_a_discount_beyond_the_cashiers_limit_is_flagged(till, make_product, manager, shop):
    """The lower limits of both count: naming somebody else does not raise one's own."""
    product, gone = make_product(stock="20"), UserFactory(tenant=shop, is_active=False)
    half = build_offline_line(product, quantity="2", discounts=[percent("50")])
    tenth = build_offline_line(product, quantity="2", discounts=[percent("10")])

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
        upload_one_booked(
            at, build_offline_sale(number, item, cashier=str(who.pk), **paid(amount))
        )["flags"]
        for number, (at, item, who, amount, _) in enumerate(cases, 1)
    ]

    assert flags == [expected for *_, expected in cases]


def test_two_sales_of_one_number_are_both_sales(till, product, store, register, manager_client):
    first, second, third = upload_all_booked(
        till, *(build_offline_sale(7, build_offline_line(product)) for _ in range(3))
    )

    assert [each["device_sequence"] for each in (first, second, third)] == [7, 7, 7]
    assert [each["flags"] for each in (first, second, third)] == [
        [],
        ["sequence_taken"],
        ["sequence_taken"],
    ]
    assert get_stock_level(product, store) == (7, 0)
    assert list_receipt_numbers(register) == [1, 2, 3]
    gaps = manager_client.get(f"registers/{register.pk}/gaps/").json()
    assert (gaps["issued"], gaps["held"], gaps["missing"]) == (7, 1, 6)


def test_a_clock_that_is_wrong_is_flagged_and_not_believed(till, product, shop):
    ahead, early, behind, skew = upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product), sold_at=ago(hours=-1)),
        build_offline_sale(2, build_offline_line(product), sold_at=ago(minutes=-4)),
        build_offline_sale(3, build_offline_line(product), sold_at=ago(days=30)),
        build_offline_sale(4, build_offline_line(product), sold_at="1970-01-01T00:00:00Z"),
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
def test_store_credit_is_taken_if_it_is_there_and_else_flagged(
    balance, till, product, shop, manager_client
):
    """The ledger never goes below nothing; the goods are gone all the same."""
    if balance:
        StoreCreditFactory(tenant=shop, code="GIFT", balance=Decimal(balance))
    payment = {"id": new_id(), "method": "store_credit", "amount": "2.50", "reference": "GIFT"}

    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[payment])
    )

    (kept,) = order["payments"]
    is_there = balance == "10.00"
    assert order["flags"] == ([] if is_there else ["credit_short"])
    assert kept["method"] == ("store_credit" if is_there else "other")
    assert (kept["reference"], kept["status"]) == ("****FT", "captured")
    with tenant_scope(shop):
        left = list(StoreCredit.objects.values_list("balance", flat=True))
    assert left == ([Decimal(balance) - (Decimal("2.50") if is_there else 0)] if balance else [])
