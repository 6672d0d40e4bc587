"""`check_stock` finds stock levels that differ from movements or reservations."""

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

CONSISTENT = "All stock levels match their movements.\n"


@pytest.fixture
def shop_with_movements(stockroom, till, product, make_product, gateway):
    """Create every type of movement, and return an order with an unknown card payment."""
    pears = make_product("1.00", stock="5.125", sold_by="weight", sku="PEAR")
    till.sold(line(product, "2"), line(pears, "0.3"), payments=[cash("5.30")])
    stockroom.moved("waste", pears, "0.1")
    stockroom.moved("transfer_out", product, "3")
    stockroom.moved("count", product, "4")
    gateway.answers = [DECLINED, TIMED_OUT]
    till.sold(line(product, "1"), payments=[card("2.50")])
    return till.sold(line(product, "2"), line(product, "1"), payments=[card("7.50")])


@pytest.fixture
def foreign_level():
    """Return a stock level of another shop."""
    store = StoreFactory(tenant=TenantFactory(slug="blue"), name="Other")
    product = ProductFactory(tenant=store.tenant, sku="BERRY")
    return StockLevelFactory(product=product, store=store)


@pytest.fixture
def run_check_stock():
    """Return a function that runs the command and returns its output and error."""

    def check(*options):
        out = StringIO()
        try:
            call_command("check_stock", *options, stdout=out)
        except CommandError as error:
            return out.getvalue(), (str(error), error.returncode)
        return out.getvalue(), None

    return check


@pytest.mark.usefixtures("shop_with_movements", "foreign_level")
def test_consistent_stock_has_no_findings(run_check_stock):
    assert run_check_stock() == (CONSISTENT, None)
    assert run_check_stock("--tenant", "green") == (CONSISTENT, None)


@pytest.mark.usefixtures("shop_with_movements")
def test_resolved_payment_leaves_nothing_reserved(
    run_check_stock, stockroom, shop_with_movements, product
):
    resolve_payment(stockroom, shop_with_movements)

    assert run_check_stock() == (CONSISTENT, None)
    assert stockroom.level(product) == 1


@pytest.mark.usefixtures("shop_with_movements")
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
def test_changed_stock_level_is_found(run_check_stock, sql, finding):
    with across_tenants(), connection.cursor() as cursor:
        cursor.execute(sql)

    assert run_check_stock() == (
        f"green\tMain\tAPPLE\t{finding}\n",
        ("1 stock levels differ from their movements or reservations.", 1),
    )


@pytest.mark.usefixtures("shop_with_movements")
def test_movements_without_a_stock_level_are_found(run_check_stock, stockroom, product):
    with tenant_scope(product.tenant):
        assert StockLevel.objects.filter(store=stockroom.second).delete()[0] == 1

    text, found = run_check_stock()

    assert text == "green\tSecond\tAPPLE\tlevel 0, movements 3\treserved 0, payments 0\n"
    assert found is not None


@pytest.mark.usefixtures("shop_with_movements")
def test_missing_reservation_is_found(run_check_stock, stockroom, shop_with_movements, shop):
    """A line was changed while the card payment of the order was in progress."""
    with tenant_scope(shop):
        first = OrderLine.objects.filter(order=shop_with_movements["id"]).first()
        pears = ProductFactory(tenant=shop, sku="NEW")
        OrderLine.objects.filter(pk=first.pk).update(product=pears)

    text, _ = run_check_stock()

    assert text == (
        "green\tMain\tAPPLE\tlevel 4, movements 4\treserved 3, payments 1\n"
        "green\tMain\tNEW\tlevel 0, movements 0\treserved 0, payments 2\n"
    )


def test_tenant_option_checks_one_shop(run_check_stock, product, foreign_level):
    for tenant in (product.tenant, foreign_level.tenant):
        with tenant_scope(tenant):
            StockLevel.objects.update(quantity=11)

    ours = "green\tMain\tAPPLE\tlevel 11, movements 10\treserved 0, payments 0\n"
    theirs = "blue\tOther\tBERRY\tlevel 11, movements 10\treserved 0, payments 0\n"
    assert run_check_stock() == (
        theirs + ours,
        ("2 stock levels differ from their movements or reservations.", 1),
    )
    assert run_check_stock("--tenant", "green") == (
        ours,
        ("1 stock levels differ from their movements or reservations.", 1),
    )


@pytest.mark.django_db
def test_unknown_tenant_is_an_error(run_check_stock):
    assert run_check_stock("--tenant", "nobody") == ("", ("There is no tenant nobody.", 1))


@pytest.mark.once
def test_sums_of_many_movements_are_exact(product, store):
    """In floating point, 2,000 times 0.1 and 0.2 is not 600."""
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


@pytest.mark.usefixtures("shop_with_movements")
def test_check_of_a_shop_is_one_statement(shop, statements):
    with tenant_scope(shop), statements(1):
        assert list(find_stock_differences(shop)) == []
