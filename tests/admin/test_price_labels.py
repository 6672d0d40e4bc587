"""Price labels from the admin: of chosen products, and of what changed today, in a store."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pypdfium2
import pytest
import time_machine
import zxingcpp
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.admin import price_labels
from orders.models import Product
from orders.services.catalog.price_lists import write_price_list
from orders.services.catalog.products import write_product
from orders.services.documents.price_labels import build_price_labels, find_products
from tenants.models import Store
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.factories.price_list import PriceFactory, PriceListFactory
from tests.factories.tenants import StoreFactory
from tests.support.admin_browser import open_browser, snapshot_database
from tests.support.receipt_profiles import create_profile

PAGE, LIST = "/admin/labels/", "/admin/orders/product/"
EURO = "\N{EURO SIGN}"
OTHER_STORE = "01950000-0000-7000-8000-000000000001"
# Wednesday noon in Berlin, the time zone of the shop.
NOW = datetime(2026, 3, 18, 11, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def old(shop, store, clock):
    """Create products that were changed the day before."""
    clock.move_to("2026-03-17T11:00:00Z")
    products = [
        ProductFactory(tenant=shop, name=name, sku=sku, price=Decimal("2.50"))
        for name, sku in [("Apple", "APPLE"), ("Beer", "BEER"), ("Cheese", "CHEESE")]
    ]
    clock.move_to(NOW)
    return products


def build_form(store, **changes):
    form = {
        "products": "",
        "store": store.pk,
        "since": "2026-03-18",
        "sheet": "L7160",
        "start": "1",
        "copies": "1",
    }
    return form | changes


def read_labels(product, store):
    with tenant_scope(product.tenant):
        (label,) = build_price_labels(find_products([product.pk]), Store.objects.get(pk=store.pk))
        return label


def read_rows(response):
    assert response.status_code == 200, response.content
    return re.findall(r'<th scope="row"><a[^>]*>(.*?)</a>', response.content.decode())


def read_pdf(response):
    assert response["Content-Type"] == "application/pdf"
    with pypdfium2.PdfDocument(response.content) as document:
        pages = [page.render(scale=300 / 72).to_pil() for page in document]
        texts = [page.get_textpage().get_text_range() for page in document]
    return [sorted(each.text for each in zxingcpp.read_barcodes(page)) for page in pages], texts


def change(product, by, **changes):
    with tenant_scope(product.tenant):
        write_product(Product.objects.get(pk=product.pk), changes, by=by)


# --- what a label says -------------------------------------------------------------------------


def test_label_has_name_price_unit_price_deposit_and_barcode(shop, store, manager):
    bottle = ProductFactory(tenant=shop, name="Bottle", price=Decimal("0.25"))
    beer = ProductFactory(
        tenant=shop,
        name="Beer",
        sku="BEER",
        price=Decimal("1.49"),
        content=Decimal(330),
        content_unit="ml",
        deposit=bottle,
    )
    BarcodeFactory(product=beer, code="INTERN-1")
    BarcodeFactory(product=beer, code="4006381333931")
    create_profile(store, manager, language="de")

    label = read_labels(beer, store)

    assert (label.name, label.code) == ("Beer", "4006381333931  BEER")
    assert label.symbol.kind == "EAN-13"
    assert label.price == f"1,49 {EURO}"
    # 1.49 / 0.33, half up.
    assert label.unit_price == f"1 l = 4,52 {EURO}"
    assert label.deposit == f"zzgl. Pfand 0,25 {EURO}"


@pytest.mark.parametrize(
    ("country", "currency", "expected"),
    [
        ("DE", "EUR", f"1,49 {EURO}"),
        ("IE", "EUR", f"{EURO}1.49"),
        ("GB", "GBP", "\N{POUND SIGN}1.49"),
        ("JP", "JPY", "149 JPY"),
        ("", "CHF", "1.49 CHF"),
    ],
)
def test_amounts_are_written_as_the_country_does(shop, store, country, currency, expected):
    amount = Decimal(149) if currency == "JPY" else Decimal("1.49")
    product = ProductFactory(tenant=shop, price=amount)
    shop.country, shop.currency = country, currency
    shop.save()

    assert read_labels(product, store).price == expected


@pytest.mark.parametrize(
    ("content", "unit", "expected"),
    [
        ("750", "g", "1 kg = 3,33"),
        ("6", "piece", "1 piece = 0,42"),
        ("2", "m2", "1 m\u00b2 = 1,25"),
    ],
)
def test_unit_price_is_for_the_units_of_the_directive(shop, store, content, unit, expected):
    product = ProductFactory(
        tenant=shop, price=Decimal("2.50"), content=Decimal(content), content_unit=unit
    )
    assert read_labels(product, store).unit_price == f"{expected} {EURO}"


def test_goods_by_weight_show_the_price_of_their_unit(shop, store):
    product = ProductFactory(tenant=shop, price=Decimal("12.50"), sold_by="weight")
    label = read_labels(product, store)
    assert label.price.endswith(" / kg")
    assert label.unit_price == ""


def test_label_has_the_price_of_the_store(shop, store):
    product = ProductFactory(tenant=shop, price=Decimal("2.50"))
    other = StoreFactory(tenant=shop)
    PriceFactory(product=product, amount=Decimal("1.99"), price_list__stores=[str(other.pk)])

    assert "2,50" in read_labels(product, store).price
    assert "1,99" in read_labels(product, other).price


def test_label_has_the_deposit_of_the_price_list(shop, store):
    bottle = ProductFactory(tenant=shop, price=Decimal("0.25"))
    beer = ProductFactory(tenant=shop, deposit=bottle)
    other = StoreFactory(tenant=shop)
    PriceFactory(product=bottle, amount=Decimal("0.50"), price_list__stores=[str(other.pk)])

    assert "0,25" in read_labels(beer, store).deposit
    assert "0,50" in read_labels(beer, other).deposit


# --- the page ----------------------------------------------------------------------------------


def test_labels_of_what_changed_today_take_three_clicks(managers_browser, old, manager, store):
    """Price labels of changes, PDF, and the printer's button in the browser."""
    apple, beer, _ = old
    change(apple, manager, price=Decimal("2.75"))
    PriceFactory(product=beer, amount=Decimal("1.99"), price_list__tenant=store.tenant)
    assert f'href="{PAGE}"' in managers_browser.get("/admin/").content.decode()

    assert read_rows(managers_browser.get(PAGE)) == ["Apple", "Beer"]
    response = managers_browser.post(PAGE, build_form(store, part="0"))

    codes, (text,) = read_pdf(response)
    assert codes == [["APPLE", "BEER"]]
    assert "2,75" in text
    assert "1,99" in text


def test_prices_that_begin_or_end_today_change_too(managers_browser, old, store, clock):
    apple, beer, cheese = old
    clock.move_to("2026-03-17T11:00:00Z")
    for product, period in [
        (apple, {"valid_from": datetime(2026, 3, 18)}),  # noqa: DTZ001  by the clock of the store
        (beer, {"valid_to": datetime(2026, 3, 18, 9)}),  # noqa: DTZ001
        (cheese, {"valid_from": datetime(2026, 3, 19)}),  # noqa: DTZ001
    ]:
        PriceFactory(product=product, price_list__tenant=store.tenant, **period)
    clock.move_to(NOW)

    assert read_rows(managers_browser.get(PAGE)) == ["Apple", "Beer"]


def test_prices_of_other_stores_do_not_change_labels(managers_browser, old, store, shop):
    other = StoreFactory(tenant=shop, name="zz")
    PriceFactory(product=old[0], price_list__stores=[str(other.pk)])

    assert read_rows(managers_browser.get(PAGE)) == []
    shown = managers_browser.post(PAGE, build_form(other, show="1"))
    assert read_rows(shown) == ["Apple"]


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        ({}, {"is_active": False}),
        ({"is_active": False}, {"is_active": True}),
        ({}, {"priority": 7_000}),
        ({}, {"stores": [OTHER_STORE]}),
        ({"stores": [OTHER_STORE]}, {"stores": []}),
    ],
)
def test_changed_price_list_changes_the_labels_of_its_prices(
    managers_browser, old, manager, clock, before, changes
):
    apple, beer, _ = old
    shop = apple.tenant
    StoreFactory(tenant=shop, id=OTHER_STORE, name="zz")
    clock.move_to("2026-03-17T11:00:00Z")
    price_list = PriceListFactory(tenant=shop, **before)
    ended = {"valid_to": datetime(2026, 3, 17, 18)}  # noqa: DTZ001  by the clock of the store
    PriceFactory(product=apple, price_list=price_list)
    PriceFactory(product=beer, price_list=price_list, **ended)
    clock.move_to(NOW)
    assert read_rows(managers_browser.get(PAGE)) == []

    with tenant_scope(shop):
        write_price_list(type(price_list).objects.get(pk=price_list.pk), changes, by=manager)

    assert read_rows(managers_browser.get(PAGE)) == ["Apple"]


@pytest.mark.parametrize("is_by_list", [False, True])
def test_changed_deposit_changes_the_labels_of_its_products(
    managers_browser, old, manager, clock, is_by_list
):
    apple, bottle, _ = old
    clock.move_to("2026-03-17T11:00:00Z")
    change(apple, manager, deposit=bottle)
    clock.move_to(NOW)
    if is_by_list:
        PriceFactory(product=bottle, amount=Decimal("0.50"))
    else:
        change(bottle, manager, price=Decimal("0.50"))

    assert read_rows(managers_browser.get(PAGE)) == ["Apple", "Beer"]


def test_day_can_be_chosen(managers_browser, old, store):
    shown = managers_browser.post(PAGE, build_form(store, show="1", since="2026-03-17"))
    assert read_rows(shown) == ["Apple", "Beer", "Cheese"]


def test_chosen_products_have_labels_with_copies_and_a_first_place(managers_browser, old, store):
    posted = {"action": "print_labels", "_selected_action": [old[0].pk, old[1].pk]}
    page = managers_browser.post(LIST, posted)
    assert read_rows(page) == ["Apple", "Beer"]
    (chosen,) = re.findall(r'name="products" value="(.*?)"', page.content.decode())

    form = build_form(store, products=chosen, start="20", copies="2", part="0")
    codes, _ = read_pdf(managers_browser.post(PAGE, form))

    assert codes == [["APPLE", "APPLE"], ["BEER", "BEER"]]


def test_products_without_a_fixed_price_have_no_label(managers_browser, shop, store):
    ProductFactory(tenant=shop, name="Service", open_price=True)
    ProductFactory(tenant=shop, name="Old", is_active=False)
    ProductFactory(tenant=shop, name="Parent", has_variants=True)
    ProductFactory(tenant=shop, name="Fine")

    assert read_rows(managers_browser.get(PAGE)) == ["Fine"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"sheet": "x"},
        {"start": "22"},
        {"start": "0"},
        {"copies": "51"},
        {"copies": ""},
        {"since": "x"},
        {"store": "x"},
        {"products": "x"},
    ],
)
def test_wrong_input_is_named_and_prints_nothing(managers_browser, old, store, wrong):
    response = managers_browser.post(PAGE, build_form(store, part="0") | wrong)

    assert response.status_code == 200
    assert "errorlist" in response.content.decode() or response.context["form"].errors
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("part", ["1", "x", "-1", ""])
def test_unknown_part_shows_the_page(managers_browser, old, store, part):
    form = build_form(store, since="2026-03-17", part=part)
    assert read_rows(managers_browser.post(PAGE, form)) == ["Apple", "Beer", "Cheese"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_at_the_ends_of_the_calendar_are_answered(managers_browser, old, store, day):
    assert managers_browser.post(PAGE, build_form(store, since=day)).status_code == 200


def test_many_labels_are_split_into_files_that_continue_the_sheet(
    managers_browser, old, store, monkeypatch
):
    monkeypatch.setattr(price_labels, "MAX_LABELS_PER_FILE", 4)
    form = build_form(store, since="2026-03-17", sheet="5163", start="2", copies="1")
    form |= {"copies": "2"}
    parts = managers_browser.post(PAGE, form).context["parts"]
    assert parts == ["1 \N{EN DASH} 1", "2 \N{EN DASH} 2", "3 \N{EN DASH} 3"]
    codes, _ = read_pdf(managers_browser.post(PAGE, form | {"part": "2"}))
    assert codes == [["CHEESE", "CHEESE"]]


def test_foreign_products_have_no_label(managers_browser, foreign, store):
    form = build_form(store, products=str(foreign.product.pk), show="1")

    response = managers_browser.post(PAGE, form)

    assert read_rows(response) == []
    assert "LEAKMARK" not in response.content.decode()


def test_cashiers_have_no_labels(cashier, store):
    assert open_browser(cashier).get(PAGE).status_code == 302


def test_page_takes_the_same_queries_for_any_number_of_products(managers_browser, shop, store):
    def count():
        with CaptureQueriesContext(connection) as captured:
            assert managers_browser.get(PAGE).status_code == 200
        return len(captured)

    PriceFactory(product=ProductFactory(tenant=shop))
    few = count()
    for _ in range(4):
        product = ProductFactory(tenant=shop)
        BarcodeFactory(product=product)
        PriceFactory(product=product)

    assert count() == few


def test_labels_change_nothing(managers_browser, old, store):
    before = snapshot_database(Product, Store)
    managers_browser.post(PAGE, build_form(store, since="2026-03-17", part="0"))
    assert snapshot_database(Product, Store) == before
