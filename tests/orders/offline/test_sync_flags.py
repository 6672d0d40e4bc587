"""Flags on offline sales: what differs from an online sale is booked and flagged."""

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


def paid_with(amount):
    return {"payments": [cash(amount)]}


def test_offline_sale_beyond_the_stock_is_flagged_oversold(till, product, store, shop):
    """The shop refuses sales beyond the stock online, but these have already happened."""
    first, second, third = upload_all_booked(
        till,
        build_offline_sale(1, build_offline_line(product, quantity="8"), **paid_with("20.00")),
        build_offline_sale(2, build_offline_line(product, quantity="3"), **paid_with("7.50")),
        build_offline_sale(3, build_offline_line(product)),
    )

    assert [each["flags"] for each in (first, second, third)] == [[], ["oversold"], ["oversold"]]
    assert get_stock_level(product, store) == (-2, 0)
    ensure_books_balance(shop)


def test_offline_sale_of_a_product_never_stocked_is_flagged_oversold(till, make_product, store):
    fresh = make_product(stock=None)

    assert upload_one_booked(till, build_offline_sale(1, build_offline_line(fresh)))["flags"] == [
        "oversold"
    ]
    assert get_stock_level(fresh, store) == (-1, 0)


def test_count_after_the_sale_stays_correct(till, stockroom, make_product, store, shop):
    """The count already found the unit missing, so the sale does not deduct it again."""
    apples = make_product("2.50", stock=None)
    stockroom.moved("receive", apples, "1")
    item = build_offline_sale(1, build_offline_line(apples), sold_at=ago(seconds=0))
    stockroom.moved("count", apples, "0")

    order = upload_one_booked(till, item)

    assert order["flags"] == []
    assert get_stock_level(apples, store) == (0, 0)
    ensure_books_balance(shop)


def test_price_other_than_the_list_price_is_flagged(till, product):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product, "2.00"), **paid_with("2.00"))
    )

    assert order["flags"] == ["over_limit", "price_differs"]
    assert (order["total"], order["lines"][0]["list_price"]) == ("2.00", "2.50")


def test_open_price_is_not_flagged(till, make_product):
    order = upload_one_booked(
        till,
        build_offline_sale(
            1,
            build_offline_line(make_product("0.00", open_price=True), "7.00"),
            **paid_with("7.00"),
        ),
    )

    assert order["flags"] == []


def test_inactive_product_is_flagged(till, make_product):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(make_product(is_active=False)))
    )

    assert order["flags"] == ["not_on_sale"]


def test_unknown_product_is_booked_with_the_data_of_the_terminal(
    till, manager_client, shop, register
):
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


def test_product_is_found_by_sku_if_its_id_is_unknown(till, product):
    named = {"product": new_id(), "sku": "APPLE", "quantity": "1", "unit_price": "2.50"}

    order = upload_one_booked(till, build_offline_sale(1, named))

    assert (order["lines"][0]["product"], order["flags"]) == (str(product.pk), [])


def test_taxes_are_booked_as_charged_and_flagged_if_different(till, make_product, shop):
    rate = {"name": "VAT", "percent": "19", "included": True, "compound": False}
    product = make_product("1.19", tax_class=TaxClassFactory(tenant=shop, rates=[rate]))
    old = rate | {"percent": "16"}

    today, before = upload_all_booked(
        till,
        build_offline_sale(
            1,
            build_offline_line(product, "1.19", taxes=[rate | {"percent": "19.00"}]),
            **paid_with("1.19"),
        ),
        build_offline_sale(
            2, build_offline_line(product, "1.19", taxes=[old]), **paid_with("1.19")
        ),
    )

    assert (today["flags"], today["tax_total"]) == ([], "0.19")
    assert (before["flags"], before["tax_total"]) == (["tax_differs"], "0.16")


def test_discount_above_the_limit_of_seller_or_uploader_is_flagged(
    till, make_product, manager, shop
):
    """The lower limit of both applies: naming another cashier does not raise one's own."""
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
            at, build_offline_sale(number, item, cashier=str(who.pk), **paid_with(amount))
        )["flags"]
        for number, (at, item, who, amount, _) in enumerate(cases, 1)
    ]

    assert flags == [expected for *_, expected in cases]


def test_second_sale_with_the_same_number_is_booked_and_flagged(
    till, product, store, register, manager_client
):
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


def test_wrong_terminal_clock_is_flagged_and_not_used(till, product, shop):
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
        occurred_at = {
            str(each.order_id): each.occurred_at
            for each in StockMovement.objects.filter(type="sale")
        }
    booked_at = [orders[each["id"]].completed_at for each in (ahead, early, skew)]
    assert [occurred_at[each["id"]] for each in (ahead, early, skew)] == booked_at
    assert occurred_at[behind["id"]] == orders[behind["id"]].sold_at


@pytest.mark.parametrize("balance", ["10.00", "1.00", None])
def test_store_credit_is_spent_if_sufficient_and_flagged_otherwise(
    balance, till, product, shop, manager_client
):
    """The balance never falls below zero; the sale is booked in any case."""
    if balance:
        StoreCreditFactory(tenant=shop, code="GIFT", balance=Decimal(balance))
    payment = {"id": new_id(), "method": "store_credit", "amount": "2.50", "reference": "GIFT"}

    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[payment])
    )

    (kept,) = order["payments"]
    is_sufficient = balance == "10.00"
    assert order["flags"] == ([] if is_sufficient else ["credit_short"])
    assert kept["method"] == ("store_credit" if is_sufficient else "other")
    assert (kept["reference"], kept["status"]) == ("****FT", "captured")
    with tenant_scope(shop):
        occurred_at = list(StoreCredit.objects.values_list("balance", flat=True))
    assert occurred_at == (
        [Decimal(balance) - (Decimal("2.50") if is_sufficient else 0)] if balance else []
    )
