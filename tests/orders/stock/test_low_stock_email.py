"""Low stock mail to managers and admins."""

import pytest
from django.core import mail

from orders.models import Product, StockLevel
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.order_relay import list_deliveries, list_events, relay_all
from tests.support.till import cash, line


@pytest.fixture
def low_product(product, shop):
    """Return a product with stock 10 and reorder point 8."""
    with tenant_scope(shop):
        StockLevel.objects.filter(product=product).update(reorder_point=8)
    return product


def test_active_managers_and_admins_with_email_get_low_stock_mail(
    till, low_product, manager, admin, foreign, settings
):
    settings.DEFAULT_FROM_EMAIL = "Till <till@shops.example>"
    UserFactory(tenant=till.user.tenant, manager=True, is_active=False)
    UserFactory(tenant=till.user.tenant, manager=True, email="")
    till.sold(line(low_product, "3"), payments=[cash("7.50")])

    relay_all()

    (message,) = mail.outbox
    assert sorted(message.to) == [admin.email, manager.email]
    assert message.from_email == "Till <till@shops.example>"
    assert message.subject == "Low stock: Apple in Main"
    assert message.body == (
        "Apple (APPLE) is low in stock in Main: 7 left; the reorder point is 8.\n\nGreen Grocery\n"
    )
    (delivery,) = list_deliveries("low_stock_mail")
    parsed = message.message()
    assert parsed["Message-ID"] == f"<{delivery.pk}@shops.example>"
    assert parsed["Auto-Submitted"] == "auto-generated"


@pytest.mark.usefixtures("manager")
def test_replenished_product_sends_no_mail(till, low_product, shop):
    till.sold(line(low_product, "3"), payments=[cash("7.50")])
    with tenant_scope(shop):
        StockLevel.objects.filter(product=low_product).update(quantity=20)

    relay_all()

    assert mail.outbox == []
    assert [each.status for each in list_deliveries("low_stock_mail")] == ["delivered"]


def test_shop_without_recipients_sends_no_mail(till, low_product):
    till.sold(line(low_product, "3"), payments=[cash("7.50")])

    relay_all()

    assert mail.outbox == []
    assert [each.status for each in list_deliveries("low_stock_mail")] == ["delivered"]


@pytest.mark.usefixtures("manager")
def test_product_name_cannot_inject_a_header(till, low_product, shop):
    with tenant_scope(shop):
        Product.objects.filter(pk=low_product.pk).update(name="Pear\r\nBcc: x@evil.example\u2028Y")
    till.sold(line(low_product, "3"), payments=[cash("7.50")])

    relay_all()

    (message,) = mail.outbox
    assert message.subject == "Low stock: Pear Bcc: x@evil.example Y in Main"
    assert "Bcc" not in message.message()


def test_sale_above_the_reorder_point_sends_no_event(till, low_product):
    till.sold(line(low_product), payments=[cash("2.50")])

    assert list_events("stock.low") == []
