"""The proof that shelves and books agree, and that it finds what does not."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from orders.models import OrderLine, StockLevel, StockMovement
from orders.services.stock.consistency import find_stock_differences
from tenants.scope import across_tenants, tenant_scope
from tests.factories.orders import ProductFactory, StockLevelFactory
from tests.factories.tenants import StoreFactory, TenantFactory
from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.till import card, cash, line, resolve_payment

AGREE = "All stock levels match their movements.\n"


@pytest.fixture
def busy(stockroom, till, product, make_product, gateway):
    """Everything that moves stock, and a card payment that nobody knows the end of."""
    pears = make_product("1.00", stock="5.125", sold_by="weight", sku="PEAR")
    till.sold(line(product, "2"), line(pears, "0.3"), payments=[cash("5.30")])
    stockroom.moved("waste", pears, "0.1")
    stockroom.moved("transfer_out", product, "3")
    stockroom.moved("count", product, "4")
    gateway.answers = [DECLINED, TIMED_OUT]
    till.sold(line(product, "1"), payments=[card("2.50")])
    return till.sold(line(product, "2"), line(product, "1"), payments=[card("7.50")])


@pytest.fixture
def another():
    """A level of another shop."""
    store = StoreFactory(tenant=TenantFactory(slug="blue"), name="Other")
    product = ProductFactory(tenant=store.tenant, sku="BERRY")
    return StockLevelFactory(product=product, store=store)


@pytest.fixture
def told():
    """What the command says, and whether it found anything."""

    def check(*options):
        out = StringIO()
        try:
            call_command("check_stock", *options, stdout=out)
        except CommandError as error:
            return out.getvalue(), (str(error), error.returncode)
        return out.getvalue(), None

    return check


@pytest.mark.usefixtures("busy", "another")
def test_where_all_agrees_it_says_so(told):
    assert told() == (AGREE, None)
    assert told("--tenant", "green") == (AGREE, None)


@pytest.mark.usefixtures("busy")
def test_a_payment_that_ends_leaves_nothing_reserved(told, stockroom, busy, product):
    resolve_payment(stockroom, busy)

    assert told() == (AGREE, None)
    assert stockroom.level(product) == 1


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        (
            "UPDATE orders_stocklevel SET quantity = quantity + 1 WHERE reserved > 0",
            "level 5, movements 4\treserved 3, payments 3",
        ),
        (
            "UPDATE orders_stocklevel SET quantity = quantity - 0.001 WHERE reserved > 0",
            "level 3.999, movements 4\treserved 3, payments 3",
        ),
        (
            "UPDATE orders_stocklevel SET reserved = 0 WHERE reserved > 0",
            "level 4, movements 4\treserved 0, payments 3",
        ),
        (
            "UPDATE orders_stocklevel SET reserved = 7, quantity = -1 WHERE reserved > 0",
            "level -1, movements 4\treserved 7, payments 3",
        ),
    ],
)
def test_a_level_that_somebody_changed_by_hand_is_found(told, sql, finding):
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert told() == (
        f"green\tMain\tAPPLE\t{finding}\n",
        ("1 stock levels differ from their movements or reservations.", 1),
    )


@pytest.mark.usefixtures("busy")
def test_movements_whose_level_is_gone_are_found(told, stockroom, product):
    with tenant_scope(product.tenant):
        assert StockLevel.objects.filter(store=stockroom.second).delete()[0] == 1

    text, found = told()

    assert text == "green\tSecond\tAPPLE\tlevel 0, movements 3\treserved 0, payments 0\n"
    assert found is not None


@pytest.mark.usefixtures("busy")
def test_goods_that_are_paid_for_and_not_kept_are_found(told, stockroom, busy, shop):
    """A line that came to an order while its card was asked for."""
    with tenant_scope(shop):
        first = OrderLine.objects.filter(order=busy["id"]).first()
        pears = ProductFactory(tenant=shop, sku="NEW")
        OrderLine.objects.filter(pk=first.pk).update(product=pears)

    text, _ = told()

    assert text == (
        "green\tMain\tAPPLE\tlevel 4, movements 4\treserved 3, payments 1\n"
        "green\tMain\tNEW\tlevel 0, movements 0\treserved 0, payments 2\n"
    )


def test_each_shop_is_told_apart(told, product, another):
    for tenant in (product.tenant, another.tenant):
        with tenant_scope(tenant):
            StockLevel.objects.update(quantity=11)

    ours = "green\tMain\tAPPLE\tlevel 11, movements 10\treserved 0, payments 0\n"
    theirs = "blue\tOther\tBERRY\tlevel 11, movements 10\treserved 0, payments 0\n"
    assert told() == (
        theirs + ours,
        ("2 stock levels differ from their movements or reservations.", 1),
    )
    assert told("--tenant", "green") == (
        ours,
        ("1 stock levels differ from their movements or reservations.", 1),
    )


@pytest.mark.django_db
def test_a_shop_that_nobody_knows_is_no_answer(told):
    assert told("--tenant", "nobody") == ("", ("There is no tenant nobody.", 1))


@pytest.mark.once
def test_many_small_movements_add_up_to_the_gram(product, store):
    """In floating point 2,000 times 0.1 and 0.2 are not 600."""
    with tenant_scope(product.tenant):
        StockMovement.objects.bulk_create(
            StockMovement(product=product, store=store, type="receive", quantity=quantity)
            for quantity in ("0.1", "0.2") * 2_000
        )
        StockLevel.objects.update(quantity=610)

        assert list(find_stock_differences(product.tenant)) == []

        StockLevel.objects.update(quantity="610.001")
        (found,) = find_stock_differences(product.tenant)
    assert (found.level, found.moved) == (Decimal("610.001"), 610)


@pytest.mark.usefixtures("busy")
def test_one_statement_proves_a_shop(shop, statements):
    with tenant_scope(shop), statements(1):
        assert list(find_stock_differences(shop)) == []
