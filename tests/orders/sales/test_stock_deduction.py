"""Stock deduction: an order deducts all of its lines or nothing."""

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


def test_insufficient_stock_lists_every_short_line(till, make_product, store, shop, problem):
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


def test_unpaid_order_needs_no_stock(till, make_product):
    assert till.sold(line(make_product(stock="1"), "5"))["status"] == "open"


def test_lines_of_one_product_need_their_total_quantity(till, make_product, store, shop, problem):
    product = make_product("1.00", stock="3")

    response = till.sell(line(product, "2"), line(product, "2"), payments=[cash("4.00")])

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert (short["wanted"], short["available"]) == ("4", "3")

    till.sold(line(product, "2"), line(product, "1"), payments=[cash("3.00")])
    assert get_stock_level(product, store) == (0, 0)
    sold = [each for each in movements(shop) if each.type == "sale"]
    assert [each.quantity for each in sold] == [-2, -1]
    ensure_books_balance(shop)


def test_reserved_stock_is_not_available_to_others(till, make_product, gateway, problem):
    gateway.answers = [ConnectionError("gone")]
    till.client.raise_request_exception = False
    product = make_product("1.00", stock="3")
    till.sell(line(product, "2"), payments=[card("2.00")])

    response = till.sell(line(product, "2"), payments=[cash("2.00")])

    (short,) = problem(response, 409, "insufficient_stock")["short"]
    assert short["available"] == "1"


def test_insufficient_stock_lists_every_cause_in_one_refusal(
    till, make_product, store, shop, gateway, problem
):
    """A product on two lines, one reserved by a card, one without stock, and one not tracked."""
    twice, reserved, never = (
        make_product("1.00", stock="3"),
        make_product("1.00", stock="5"),
        make_product("1.00", stock=None),
    )
    service, plenty = make_product("1.00", track_stock=False), make_product("1.00", stock="9")
    gateway.answers = [TIMED_OUT]
    till.sold(line(reserved, "4"), payments=[card("4.00")])
    before = [get_stock_level(each, store) for each in (twice, reserved, never, plenty)]

    response = till.sell(
        line(twice, "2"),
        line(service, "50"),
        line(reserved, "2"),
        line(plenty, "9"),
        line(never),
        line(twice, "2"),
        payments=[cash("66.00")],
    )

    short = problem(response, 409, "insufficient_stock")["short"]
    assert [(each["product"], each["wanted"], each["available"]) for each in short] == [
        (str(twice.pk), "4", "3"),
        (str(reserved.pk), "2", "1"),
        (str(never.pk), "1", "0"),
    ]
    assert [get_stock_level(each, store) for each in (twice, reserved, never, plenty)] == before
    ensure_books_balance(shop)


def test_stock_may_become_negative_if_the_shop_allows_it(
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


def test_negative_stock_can_be_reserved_and_sold(till, make_product, store, shop, configure_shop):
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = make_product("1.00", stock=None)

    till.sold(line(product, "2"), payments=[card("2.00")])

    assert get_stock_level(product, store) == (-2, 0)
    ensure_books_balance(shop)


def test_untracked_product_is_sold_without_movements(till, make_product, shop):
    service = make_product("1.00", track_stock=False)

    order = till.sold(line(service, "999"), payments=[cash("999.00")])

    assert order["status"] == "completed"
    assert movements(shop) == []
    with tenant_scope(shop):
        assert not StockLevel.objects.exists()


def test_declined_card_for_an_untracked_product_needs_no_reservation(till, make_product):
    order = till.sold(line(make_product("1.91", track_stock=False)), payments=[card("1.91")])

    assert order["payments"][0]["status"] == "declined"


def test_stock_tracking_is_decided_when_the_line_is_added(
    till, manager_client, product, store, shop
):
    order = till.sold(line(product))
    manager_client.patch(f"products/{product.pk}/", {"track_stock": False}, If_Match="*")

    till.pay(order, cash("2.50"))

    assert get_stock_level(product, store) == (9, 0)
    ensure_books_balance(shop)


def test_each_store_has_its_own_stock(till, manager_client, delivery, product, store, shop):
    second = StoreFactory(tenant=shop)
    manager_client.post("stock/movements/", delivery(product, "4") | {"store": str(second.pk)})

    till.sold(line(product), payments=[cash("2.50")])

    assert (get_stock_level(product, store), get_stock_level(product, second)) == ((9, 0), (4, 0))


def test_decimal_quantities_add_up_exactly(
    manager_client, till, delivery, make_product, store, shop
):
    """0.1 + 0.2 is 0.3 on every database, also after many movements."""
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


def test_negative_stock_makes_nothing_available(till, make_product, configure_shop, problem):
    """The stock became negative while the shop allowed it; now it does not."""
    configure_shop(stock_policy=Tenant.StockPolicy.ALLOW)
    product = make_product("1.00", stock="1")
    till.sold(line(product, "3"), payments=[cash("3.00")])
    configure_shop(stock_policy=Tenant.StockPolicy.BLOCK)

    (short,) = problem(
        till.sell(line(product), payments=[cash("1.00")]), 409, "insufficient_stock"
    )["short"]

    assert (short["wanted"], short["available"]) == ("1", "0")
