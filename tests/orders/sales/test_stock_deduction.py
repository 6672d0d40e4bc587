"""What sales do to the shelves: all of a basket is there, or nothing of it is taken."""

from decimal import Decimal

from orders.models import StockLevel, StockMovement
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.gateway import TIMED_OUT
from tests.support.till import card, cash, ensure_books_balance, get_stock_level, line


def movements(shop):
    with tenant_scope(shop):
        return list(StockMovement.objects.order_by("created_at", "id"))


def test_what_is_short_is_told_line_by_line(till, make_product, store, shop, problem):
    plenty, few = make_product(stock="10"), make_product(stock="1", sku="FEW", name="Few")
    never, half = (
        make_product(stock=None, sku="NEVER"),
        make_product(stock="0.75", sold_by="weight"),
    )

    response = till.sell(
        line(plenty, "10"),
        line(few, "2"),
        line(never),
        line(half, "0.8"),
        payments=[cash("34.50")],
    )

    short = problem(response, 409, "insufficient_stock")["short"]
    assert [(each["wanted"], each["available"]) for each in short] == [
        ("2", "1"),
        ("1", "0"),
        ("0.8", "0.75"),
    ]
    assert short[0] == {
        "product": str(few.pk),
        "sku": "FEW",
        "name": "Few",
        "wanted": "2",
        "available": "1",
    }
    assert [get_stock_level(each, store)[0] for each in (plenty, few, half)] == [
        10,
        1,
        Decimal("0.75"),
    ]
    assert len(movements(shop)) == 3


def test_an_order_that_is_not_paid_asks_for_no_goods(till, make_product):
    assert till.sold(line(make_product(stock="1"), "5"))["status"] == "open"


def test_two_lines_of_one_product_are_wanted_together(till, make_product, store, shop, problem):
    product = make_product("1.00", stock="3")

    response = till.sell(line(product, "2"), line(product, "2"), payments=[cash("4.00")])

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert (short["wanted"], short["available"]) == ("4", "3")

    till.sold(line(product, "2"), line(product, "1"), payments=[cash("3.00")])
    assert get_stock_level(product, store) == (0, 0)
    sold = [each for each in movements(shop) if each.type == "sale"]
    assert [each.quantity for each in sold] == [-2, -1]
    ensure_books_balance(shop)


def test_what_is_reserved_for_a_card_is_short_for_others(till, make_product, gateway, problem):
    gateway.answers = [ConnectionError("gone")]
    till.client.raise_request_exception = False
    product = make_product("1.00", stock="3")
    till.sell(line(product, "2"), payments=[card("2.00")])

    response = till.sell(line(product, "2"), payments=[cash("2.00")])

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short["available"] == "1"


def test_whatever_makes_lines_short_they_are_told_in_one_refusal(
    till, make_product, store, shop, gateway, problem
):
    """Twice on the order, kept for somebody's card, never delivered; what is not kept never is."""
    twice, kept, never = (
        make_product("1.00", stock="3"),
        make_product("1.00", stock="5"),
        make_product("1.00", stock=None),
    )
    service, plenty = make_product("1.00", track_stock=False), make_product("1.00", stock="9")
    gateway.answers = [TIMED_OUT]
    till.sold(line(kept, "4"), payments=[card("4.00")])
    before = [get_stock_level(each, store) for each in (twice, kept, never, plenty)]

    response = till.sell(
        line(twice, "2"),
        line(service, "50"),
        line(kept, "2"),
        line(plenty, "9"),
        line(never),
        line(twice, "2"),
        payments=[cash("66.00")],
    )

    short = problem(response, 409, "insufficient_stock")["short"]
    assert [(each["product"], each["wanted"], each["available"]) for each in short] == [
        (str(twice.pk), "4", "3"),
        (str(kept.pk), "2", "1"),
        (str(never.pk), "1", "0"),
    ]
    assert [get_stock_level(each, store) for each in (twice, kept, never, plenty)] == before
    ensure_books_balance(shop)


def test_where_the_shop_allows_it_stock_goes_below_zero(
    till, make_product, store, shop, configure_shop
):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    known, never, other = (
        make_product("1.00", stock="1"),
        make_product("1.00", stock=None),
        make_product("1.00"),
    )

    lines = [line(known, "3"), line(never, "2")]
    till.sold(*lines, line(other), payments=[cash("6.00")])

    assert get_stock_level(known, store) == (-2, 0)
    assert get_stock_level(never, store) == (-2, 0)
    assert get_stock_level(other, store) == (9, 0)
    ensure_books_balance(shop)


def test_goods_below_zero_are_reserved_and_taken_too(
    till, make_product, store, shop, configure_shop
):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = make_product("1.00", stock=None)

    till.sold(line(product, "2"), payments=[card("2.00")])

    assert get_stock_level(product, store) == (-2, 0)
    ensure_books_balance(shop)


def test_what_is_not_counted_is_sold_without_end(till, make_product, shop):
    service = make_product("1.00", track_stock=False)

    order = till.sold(line(service, "999"), payments=[cash("999.00")])

    assert order["status"] == "completed"
    assert movements(shop) == []
    with tenant_scope(shop):
        assert not StockLevel.objects.exists()


def test_a_card_for_what_is_not_counted_reserves_nothing(till, make_product):
    order = till.sold(line(make_product("1.91", track_stock=False)), payments=[card("1.91")])

    assert order["payments"][0]["status"] == "declined"


def test_whether_goods_are_counted_is_settled_when_they_are_put_on_the_order(
    till, manager_client, product, store, shop
):
    order = till.sold(line(product))
    manager_client.patch(f"products/{product.pk}/", {"track_stock": False}, If_Match="*")

    till.pay(order, cash("2.50"))

    assert get_stock_level(product, store) == (9, 0)
    ensure_books_balance(shop)


def test_each_store_has_shelves_of_its_own(till, manager_client, delivery, product, store, shop):
    second = StoreFactory(tenant=shop)
    manager_client.post("stock/movements/", delivery(product, "4") | {"store": str(second.pk)})

    till.sold(line(product), payments=[cash("2.50")])

    assert (get_stock_level(product, store), get_stock_level(product, second)) == ((9, 0), (4, 0))


def test_tenths_add_up_exactly(manager_client, till, delivery, make_product, store, shop):
    """0.1 + 0.2 is 0.3 on every database, also after many steps there and back."""
    product = make_product("1.00", stock=None, sold_by="weight")
    for quantity in ("0.1", "0.2"):
        manager_client.post("stock/movements/", delivery(product, quantity))
    assert till.sell(line(product, "0.3"), payments=[cash("0.30")]).status_code == 201
    assert get_stock_level(product, store) == (0, 0)

    for _ in range(10):
        manager_client.post("stock/movements/", delivery(product, "0.7"))
        till.sold(line(product, "0.1"), payments=[cash("0.10")])
    assert get_stock_level(product, store) == (6, 0)
    till.sold(line(product, "5.999"), payments=[cash("6.00")])
    assert get_stock_level(product, store) == (Decimal("0.001"), 0)
    ensure_books_balance(shop)


def test_of_what_is_less_than_nothing_none_is_available(
    till, make_product, configure_shop, problem
):
    """Sold beyond the books while that was allowed, and not allowed any more."""
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = make_product("1.00", stock="1")
    till.sold(line(product, "3"), payments=[cash("3.00")])
    configure_shop(stock_policy=Tenant.StockPolicy.BLOCK)

    (short,) = problem(
        till.sell(line(product), payments=[cash("1.00")]), 409, "insufficient_stock"
    )["short"]

    assert (short["wanted"], short["available"]) == ("1", "0")
