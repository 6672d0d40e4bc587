"""Numbers and choices in forms: as the shop's country writes them, and also the other way."""

from decimal import Decimal

import pytest

from orders.models import Modifier, ModifierList, Product, StockLevel, TaxClass
from tenants.models import Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierFactory
from tests.factories.price_list import PriceFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.admin_data import LEVELS

pytestmark = [pytest.mark.once, pytest.mark.django_db]
PRODUCTS = "/admin/orders/product/"


@pytest.fixture
def german(shop):
    Tenant.objects.filter(pk=shop.pk).update(country="DE", currency="EUR")
    return shop


def reload(row):
    with tenant_scope(row.tenant):
        row.refresh_from_db()
    return row


def read(browser, url):
    response = browser.get(url)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize(
    ("country", "text", "price"),
    [
        ("DE", "1,49", "1.49"),
        ("DE", "1.49", "1.49"),
        ("DE", "1.234,50", "1234.50"),
        ("DE", "1,234.50", "1234.50"),
        ("DE", "1.234", "1234"),
        ("DE", "€ 2,00", "2"),
        ("US", "1,49", "1.49"),
        ("US", "1,234", "1234"),
        ("US", "1.234,50", "1234.50"),
        ("", "1,49", "1.49"),
        ("", "1,234", "1234"),
    ],
)
def test_price_is_read_in_both_ways(country, text, price, managers_browser, product, shop):
    Tenant.objects.filter(pk=shop.pk).update(country=country, currency="EUR")
    page = f"{PRODUCTS}{product.pk}/change/"
    assert submit_form(managers_browser, page, price=text).status_code == 302
    assert reload(product).price == Decimal(price)


def test_page_shows_numbers_as_the_country_writes_them(managers_browser, german, product):
    page = f"{PRODUCTS}{product.pk}/change/"
    form = {"price": "1,50", "cost": "0,755", "content": "1,125", "content_unit": "kg"}
    assert "At most 2" in read_errors(submit_form(managers_browser, page, **form))
    # Exactly three digits are thousands unless the comma is the decimal sign.
    assert submit_form(managers_browser, page, **form | {"cost": "0,75"}).status_code == 302
    assert reload(product).content == Decimal("1.125")

    body = read(managers_browser, page)
    for name, value in (("price", "1,50"), ("cost", "0,75"), ("content", "1,125")):
        assert f'name="{name}" value="{value}"' in body
    # What is shown is read again as the same.
    assert submit_form(managers_browser, page).status_code == 302
    assert (reload(product).content, product.cost) == (Decimal("1.125"), Decimal("0.75"))


def test_wrong_number_is_shown_again_and_changes_nothing(managers_browser, german, product):
    before = snapshot_database(Product)
    page = f"{PRODUCTS}{product.pk}/change/"
    response = submit_form(managers_browser, page, price="1,2,3")
    assert "Enter an amount such as" in read_errors(response)
    assert 'name="price" value="1,2,3"' in response.content.decode()
    assert snapshot_database(Product) == before


def test_stock_is_corrected_with_a_decimal_comma(managers_browser, german, product, store):
    with tenant_scope(german):
        Product.objects.filter(pk=product.pk).update(sold_by="weight")
        level = StockLevel.objects.get(product=product, store=store)
    page = f"{LEVELS}{level.pk}/change/"
    form = {"type": "receive", "moved": "0,735", "reorder_point": "2,5"}
    assert submit_form(managers_browser, page, **form).status_code == 302
    assert (reload(level).quantity, level.reorder_point) == (Decimal("10.735"), Decimal("2.5"))
    assert 'name="reorder_point" value="2,5"' in read(managers_browser, page)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"type": "transfer_out", "moved": "1"}, "Choose the store to which the goods went."),
        ({"type": "adjust", "moved": "1"}, "Enter a reason."),
        ({"type": "receive", "moved": "-1"}, "Enter the quantity without a minus sign."),
        ({"type": "receive", "moved": "0"}, "Enter a quantity that is not zero."),
        (
            {"type": "receive", "moved": "1", "waste_reason": "expired"},
            "Only for goods that were thrown away.",
        ),
    ],
    ids=str,
)
def test_errors_have_the_words_of_the_form(form, words, managers_browser, product, store):
    with tenant_scope(store.tenant):
        level = StockLevel.objects.get(product=product, store=store)
    before = snapshot_database(StockLevel)
    errors = read_errors(submit_form(managers_browser, f"{LEVELS}{level.pk}/change/", **form))
    assert words in errors
    assert not {"transfer_out", "quantity:", "to_store"} & set(errors.split())
    assert snapshot_database(StockLevel) == before


def test_rates_have_a_decimal_comma(admins_browser, german, product):
    tax_class = product.tax_class
    with tenant_scope(german):
        TaxClass.objects.filter(pk=tax_class.pk).update(
            rates=[{"name": "VAT", "percent": "8.875", "included": True, "compound": False}]
        )
    url = f"/admin/orders/taxclass/{tax_class.pk}/change/"
    assert 'value="8,875"' in read(admins_browser, url)
    rates = {"rates-count": "1", "rates-0-name": "VAT", "rates-0-percent": "5,5"}
    page = admins_browser.get(url)
    version = page.context["adminform"].form["expected_version"].value()
    form = {"name": "VAT", "expected_version": version, "rates-0-included": "on", **rates}
    assert admins_browser.post(url, form).status_code == 302
    assert reload(tax_class).rates[0]["percent"] == "5.5"


def test_prices_and_modifiers_have_a_decimal_comma(managers_browser, german, product):
    price = PriceFactory(tenant=german, product=product, amount=Decimal("2.25"))
    url = f"/admin/orders/price/{price.pk}/change/"
    assert 'name="amount" value="2,25"' in read(managers_browser, url)
    form = {"amount": "2,35", "min_quantity": "1,5"}
    assert submit_form(managers_browser, url, **form).status_code == 302
    assert (reload(price).amount, price.min_quantity) == (Decimal("2.35"), Decimal("1.5"))

    modifier = ModifierFactory(tenant=german, price=Decimal("0.50"))
    with tenant_scope(german):
        modifiers = ModifierList.objects.get(modifiers=modifier)
    url = f"/admin/orders/modifierlist/{modifiers.pk}/change/"
    assert 'value="0,50"' in read(managers_browser, url)
    page = managers_browser.get(url)
    shown = page.context["adminform"].form
    form = {name: shown[name].value() for name in ("name", "min", "expected_version")}
    form |= {"max": "", "is_active": "on", "modifiers-count": "1", "modifiers-0-id": modifier.pk}
    form |= {"modifiers-0-name": "Milk", "modifiers-0-price": "0,75", "modifiers-0-is_active": "on"}
    assert managers_browser.post(url, form).status_code == 302
    with tenant_scope(german):
        assert Modifier.objects.get(pk=modifier.pk).price == Decimal("0.75")


def test_settings_are_chosen_from_lists(admins_browser, german):
    with tenant_scope(german):
        Tenant.objects.filter(pk=german.pk).update(timezone="Etc/GMT", country="XX")
    url = f"/admin/accounts/shopsettings/{german.pk}/change/"
    body = read(admins_browser, url)
    assert '<option value="XX" selected>XX</option>' in body
    assert '<option value="Etc/GMT" selected>Etc/GMT</option>' in body
    assert '<option value="AT">Austria</option>' in body
    assert '<optgroup label="Europe">' in body

    form = {"country": "AT", "timezone": "Europe/Vienna", "limits_cashier_refund_amount": "12,5"}
    assert submit_form(admins_browser, url, **form).status_code == 302
    german.refresh_from_db()
    assert (german.country, german.timezone) == ("AT", "Europe/Vienna")
    assert Decimal(german.limits["cashier"]["refund_amount"]) == Decimal("12.5")
    assert 'name="limits_cashier_refund_amount" value="12,50"' in read(admins_browser, url)

    before = snapshot_database(Tenant)
    errors = read_errors(submit_form(admins_browser, url, timezone="Europe/Nowhere"))
    assert "Select a valid choice" in errors
    assert snapshot_database(Tenant) == before


def test_store_has_the_time_zone_of_the_shop_or_its_own(admins_browser, store):
    url = f"/admin/tenants/store/{store.pk}/change/"
    for chosen in ("America/Argentina/Salta", ""):
        assert submit_form(admins_browser, url, timezone=chosen).status_code == 302
        with tenant_scope(store.tenant):
            assert Store.objects.get(pk=store.pk).timezone == chosen
