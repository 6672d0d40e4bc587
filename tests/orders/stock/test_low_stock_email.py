"""Those who order goods hear when a product runs low."""

import pytest
from django.core import mail

from orders.models import Product, StockLevel
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.order_relay import list_deliveries, list_events, relay_all
from tests.support.till import cash, line


@pytest.fixture
def watched(product, shop):
    """The apples, of which 10 are there, and 8 are too few."""
    with tenant_scope(shop):
        StockLevel.objects.filter(product=product).update(reorder_point=8)
    return product


def test_managers_and_admins_of_the_shop_get_mail(till, watched, manager, admin, foreign, settings):
    settings.DEFAULT_FROM_EMAIL = "Till <till@shops.example>"
    UserFactory(tenant=till.user.tenant, manager=True, is_active=False)
    UserFactory(tenant=till.user.tenant, manager=True, email="")
    till.sold(line(watched, "3"), payments=[cash("7.50")])

    relay_all()

    (letter,) = mail.outbox
    assert sorted(letter.to) == [admin.email, manager.email]
    assert letter.from_email == "Till <till@shops.example>"
    assert letter.subject == "Low stock: Apple in Main"
    assert letter.body == (
        "Apple (APPLE) is low in stock in Main: 7 left; the reorder point is 8.\n\nGreen Grocery\n"
    )
    (delivery,) = list_deliveries("low_stock_mail")
    headers = letter.message()
    assert headers["Message-ID"] == f"<{delivery.pk}@shops.example>"
    assert headers["Auto-Submitted"] == "auto-generated"


@pytest.mark.usefixtures("manager")
def test_what_lies_there_again_by_then_is_no_news(till, watched, shop):
    till.sold(line(watched, "3"), payments=[cash("7.50")])
    with tenant_scope(shop):
        StockLevel.objects.filter(product=watched).update(quantity=20)

    relay_all()

    assert mail.outbox == []
    assert [each.status for each in list_deliveries("low_stock_mail")] == ["delivered"]


def test_where_nobody_has_an_address_nobody_is_told(till, watched):
    till.sold(line(watched, "3"), payments=[cash("7.50")])

    relay_all()

    assert mail.outbox == []
    assert [each.status for each in list_deliveries("low_stock_mail")] == ["delivered"]


@pytest.mark.usefixtures("manager")
def test_a_name_cannot_add_a_header(till, watched, shop):
    with tenant_scope(shop):
        Product.objects.filter(pk=watched.pk).update(name="Pear\r\nBcc: x@evil.example\u2028Y")
    till.sold(line(watched, "3"), payments=[cash("7.50")])

    relay_all()

    (letter,) = mail.outbox
    assert letter.subject == "Low stock: Pear Bcc: x@evil.example Y in Main"
    assert "Bcc" not in letter.message()


def test_nobody_is_told_of_what_is_plenty(till, watched):
    till.sold(line(watched), payments=[cash("2.50")])

    assert list_events("stock.low") == []
