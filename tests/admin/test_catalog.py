"""The catalog in the admin: products, categories and tax classes."""

from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from orders.models import Category, Product, ProductImage, TaxClass
from orders.services.images import normalize_image
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.orders import BarcodeFactory, ProductFactory
from tests.support.admin_browser import build_form, read_errors, snapshot_database, submit_form
from tests.support.product_images import build_image
from tests.support.till import set_product
from tests.support.variants import create_variant

pytestmark = pytest.mark.once

PRODUCTS = "/admin/orders/product/"
CATEGORIES = "/admin/orders/category/"
TAXES = "/admin/orders/taxclass/"
NEW = {"name": "Pear", "sku": "PEAR", "price": "1.20", "sold_by": "unit"}


def get_row(shop, model, **which):
    with tenant_scope(shop):
        return model.objects.get(**which)


def list_barcodes(shop, product):
    with tenant_scope(shop):
        return sorted(product.barcodes.values_list("code", flat=True))


def test_manager_adds_a_product_with_barcodes(managers_browser, product, shop):
    form = NEW | {
        "category": str(product.category_id),
        "tax_class": str(product.tax_class_id),
        "barcodes": "4000000000017\r\n 4000000000024 \r\n\r\n",
    }

    assert submit_form(managers_browser, f"{PRODUCTS}add/", **form)["Location"] == PRODUCTS

    pear = get_row(shop, Product, sku="PEAR")
    assert (pear.price, pear.category_id, pear.is_active) == (
        Decimal("1.20"),
        product.category_id,
        True,
    )
    assert list_barcodes(shop, pear) == ["4000000000017", "4000000000024"]


def test_product_by_weight_has_no_deposit(managers_browser, product, shop):
    with tenant_scope(shop):
        ProductFactory(tenant=shop, sku="DEPOSIT")
    before = snapshot_database(Product)
    page = f"{PRODUCTS}{product.pk}/change/"

    refused = submit_form(managers_browser, page, deposit="DEPOSIT", sold_by="weight")

    assert "Only products that are sold by the unit can have a deposit." in read_errors(refused)
    assert snapshot_database(Product) == before


def test_deposit_is_set_and_removed_by_its_sku(managers_browser, product, shop):
    with tenant_scope(shop):
        deposit = ProductFactory(tenant=shop, sku="DEPOSIT")
    page = f"{PRODUCTS}{product.pk}/change/"

    assert submit_form(managers_browser, page, deposit=" DEPOSIT ").status_code == 302
    assert get_row(shop, Product, pk=product.pk).deposit_id == deposit.pk
    assert 'value="DEPOSIT"' in managers_browser.get(page).content.decode()
    assert submit_form(managers_browser, page, price="3.00").status_code == 302
    assert get_row(shop, Product, pk=product.pk).deposit_id == deposit.pk
    assert submit_form(managers_browser, page, deposit="").status_code == 302
    assert get_row(shop, Product, pk=product.pk).deposit_id is None


@pytest.mark.parametrize(
    ("sku", "words"),
    [("NOWHERE", "Product not found."), ("APPLE", "A product cannot be its own deposit.")],
)
def test_invalid_deposit_is_rejected_with_a_message(managers_browser, product, sku, words):
    before = snapshot_database(Product)

    response = submit_form(managers_browser, f"{PRODUCTS}{product.pk}/change/", deposit=sku)

    assert words in read_errors(response)
    assert snapshot_database(Product) == before


def test_variants_are_added_from_the_page_of_their_parent(managers_browser, shop):
    with tenant_scope(shop):
        shirt = ProductFactory(tenant=shop, sku="T SHIRT", name="T-shirt", price="19.90")
    page = f"{PRODUCTS}{shirt.pk}/change/"
    add = f"{PRODUCTS}add/?parent=T+SHIRT"
    assert add in managers_browser.get(page).content.decode().replace("%20", "+")

    for size in ("M", "L"):
        given = {"sku": f"S-{size}", "options": f"Size: {size}\r\nColor: Red\r\n"}
        assert submit_form(managers_browser, add, **given).status_code == 302

    large = get_row(shop, Product, sku="S-L")
    assert (large.name, large.parent_id) == ("T-shirt, L, Red", shirt.pk)
    assert large.price == Decimal("19.90")
    assert (large.category_id, large.tax_class_id) == (shirt.category_id, shirt.tax_class_id)
    shown = managers_browser.get(page).content.decode()
    assert "T-shirt, M, Red" in shown
    assert all(f">{text}</th>" in shown for text in ("Size", "Color", "SKU", "Barcodes"))
    assert all(f"<td>{text}</td>" in shown for text in ("L", "Red", "S-L"))
    assert "Size: \nColor: " in managers_browser.get(add).content.decode()


def test_variant_is_changed_listed_and_detached(managers_browser, product, shop):
    set_product(shop, product, track_stock=False)
    variant = create_variant(product, Size="L")
    listed = managers_browser.get(f"{PRODUCTS}?parent={product.pk}").content.decode()
    assert ">APPLE-L<" in listed
    assert ">APPLE<" not in listed
    own = f"{PRODUCTS}{variant.pk}/change/"

    assert submit_form(managers_browser, own, price="21.00").status_code == 302
    after = get_row(shop, Product, pk=variant.pk)
    assert (after.options, after.price) == ([["Size", "L"]], Decimal("21.00"))
    assert submit_form(managers_browser, own, parent="", options="").status_code == 302
    assert get_row(shop, Product, pk=variant.pk).parent_id is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"parent": "NOWHERE", "options": "Size: M"}, "Product not found."),
        ({"parent": "APPLE", "options": "Size M"}, "Write each option on a line"),
        ({"parent": "APPLE", "options": "Size: M\nSize: L"}, "Write each option on a line"),
        ({"parent": "APPLE", "options": ""}, "Enter the options of the variant."),
        ({"parent": "", "options": "Size: M"}, "Only variants have options."),
    ],
)
def test_invalid_variant_is_rejected_with_a_message(managers_browser, product, given, words):
    before = snapshot_database(Product)

    response = submit_form(managers_browser, f"{PRODUCTS}add/", **NEW | given)

    assert words in read_errors(response)
    assert snapshot_database(Product) == before


def test_price_change_is_recorded_in_history(managers_browser, product, shop, manager):
    page = f"{PRODUCTS}{product.pk}/change/"
    assert 'value="2,50"' in managers_browser.get(page).content.decode()

    assert submit_form(managers_browser, page, price="2.75").status_code == 302

    after = get_row(shop, Product, pk=product.pk)
    assert (after.price, after.version) == (Decimal("2.75"), 2)
    event = get_row(shop, AuditEvent, event="product_changed")
    assert event.actor == manager.pk
    assert set(event.facts["changes"]) == {"price"}
    assert "2.75" in managers_browser.get(f"{PRODUCTS}{product.pk}/history/").content.decode()


def test_saving_without_changes_changes_nothing(managers_browser, product, shop):
    BarcodeFactory(product=product, code="4000000000031")
    before = get_row(shop, Product, pk=product.pk)

    assert submit_form(managers_browser, f"{PRODUCTS}{product.pk}/change/").status_code == 302

    after = get_row(shop, Product, pk=product.pk)
    for field in ("sku", "name", "price", "category_id", "tax_class_id", "sold_by", "is_active"):
        assert getattr(after, field) == getattr(before, field)
    assert list_barcodes(shop, after) == ["4000000000031"]
    with tenant_scope(shop):
        assert not AuditEvent.objects.filter(event="product_changed").exists()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"price": "1.2055"}, "At most 2 decimal places."),
        ({"price": "-1"}, "Enter an amount such as 12.50."),
        ({"price": "1e3"}, "Enter an amount such as 12.50."),
        ({"price": "1,2,0"}, "Enter an amount such as 12.50."),
        ({"price": "NaN"}, "Enter an amount such as 12.50."),
        ({"price": ""}, "This field is required."),
        ({"sku": "APPLE"}, "SKU"),
        ({"sku": " \u200bAPPLE"}, "SKU"),
        ({"barcodes": "4000000000031"}, "barcode"),
        ({"barcodes": "x" * 65}, "barcodes"),
        ({"name": ""}, "This field is required."),
        ({"sold_by": "meter"}, "Select a valid choice"),
        ({"category": "00000000-0000-7000-8000-000000000000"}, "Select a valid choice"),
        ({"category": "x"}, "valid"),
    ],
    ids=str,
)
def test_invalid_product_field_is_rejected_with_a_message(
    form, words, managers_browser, product, shop
):
    BarcodeFactory(product=product, code="4000000000031")
    before = snapshot_database(Product)

    response = submit_form(managers_browser, f"{PRODUCTS}add/", **(NEW | form))

    assert words.lower() in read_errors(response).lower()
    assert snapshot_database(Product) == before


def test_outdated_page_is_not_saved(managers_browser, admins_browser, product):
    page = f"{PRODUCTS}{product.pk}/change/"
    stale = build_form(managers_browser.get(page), price="9.99")
    submit_form(admins_browser, page, price="3.00")
    before = snapshot_database(Product)

    assert "Someone else has changed this" in read_errors(managers_browser.post(page, stale))
    assert snapshot_database(Product) == before


def test_product_page_shows_stock(managers_browser, product):
    shown = managers_browser.get(f"{PRODUCTS}{product.pk}/change/").content.decode()
    assert ">Main</a>" in shown
    assert '<td class="till-number">10</td>' in shown


@pytest.mark.parametrize("scanned", ["04252614", "0042100005264", " 042100005264 "])
def test_product_is_found_by_any_spelling_of_its_barcode(managers_browser, product, shop, scanned):
    ProductFactory(tenant=shop, name="Banana", sku="042100005264")
    BarcodeFactory(product=product, code="042100005264")

    body = managers_browser.get(PRODUCTS, {"q": scanned}).content.decode()

    assert ("Apple" in body, "Banana" in body) == (True, False)


def test_products_are_found_by_name_or_sku(managers_browser, product, shop):
    ProductFactory(tenant=shop, name="Banana", sku="BAN-1")

    for words, name in [("appl", "Apple"), ("BAN-", "Banana")]:
        body = managers_browser.get(PRODUCTS, {"q": words}).content.decode()
        assert name in body
        assert ({"Apple", "Banana"} - {name}).pop() not in body


def test_category_is_added_and_renamed(managers_browser, shop):
    assert submit_form(managers_browser, f"{CATEGORIES}add/", name="Fruit").status_code == 302
    fruit = get_row(shop, Category, name="Fruit")
    assert (
        submit_form(managers_browser, f"{CATEGORIES}{fruit.pk}/change/", name="Fruits").status_code
        == 302
    )
    assert get_row(shop, Category, pk=fruit.pk).version == 2

    assert "This name already exists." in read_errors(
        submit_form(managers_browser, f"{CATEGORIES}add/", name="Fruits")
    )


# --- taxes -------------------------------------------------------------------------------------


def build_rates_form(*rows):
    """Return the form fields of the table of rates."""
    sent = {"rates-count": str(len(rows))}
    for number, (name, percent, *ticks) in enumerate(rows):
        sent |= {f"rates-{number}-name": name, f"rates-{number}-percent": percent}
        sent |= {f"rates-{number}-{tick}": "on" for tick in ticks}
    return sent


def test_admin_adds_a_tax_class(admins_browser, shop):
    form = {"name": "Canada", "rates": None}
    table = build_rates_form(("GST", "5"), ("", ""), ("QST", "9,975", "compound"))

    assert submit_form(admins_browser, f"{TAXES}add/", **form, **table).status_code == 302

    assert get_row(shop, TaxClass, name="Canada").rates == [
        {"name": "GST", "percent": "5", "included": False, "compound": False},
        {"name": "QST", "percent": "9.975", "included": False, "compound": True},
    ]


def test_rates_are_shown_and_saved(admins_browser, product, shop):
    page = f"{TAXES}{product.tax_class_id}/change/"
    body = admins_browser.get(page).content.decode()
    assert 'name="rates-0-name" value="VAT"' in body
    assert 'name="rates-0-included" checked' in body

    table = build_rates_form(("VAT", "19", "included"))
    assert submit_form(admins_browser, page, rates=None, **table).status_code == 302

    assert get_row(shop, TaxClass, pk=product.tax_class_id).rates == [
        {"name": "VAT", "percent": "19", "included": True, "compound": False}
    ]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (build_rates_form(("VAT", "")), "rates[0].percent"),
        (build_rates_form(("", "19")), "rates[0].name"),
        (build_rates_form(("VAT", "19"), ("CITY", "x")), "rates[1].percent"),
        (build_rates_form(("VAT", "-1")), "rates[0].percent"),
        (build_rates_form(*[(f"T{number}", "1") for number in range(11)]), "no more than 10"),
        (build_rates_form(("\x00", "1")), "rates[0].name"),
    ],
    ids=["no percent", "no name", "no number", "negative", "too many", "nul"],
)
def test_invalid_rates_are_rejected(table, words, admins_browser, product):
    before = snapshot_database(TaxClass)

    response = submit_form(admins_browser, f"{TAXES}add/", name="New", rates=None, **table)

    assert words in read_errors(response)
    assert snapshot_database(TaxClass) == before


@pytest.mark.parametrize("count", ["x", "-1", "", "99999999"])
def test_forged_number_of_rates_is_ignored(count, admins_browser, shop):
    table = build_rates_form(("VAT", "19")) | {"rates-count": count}

    assert (
        submit_form(admins_browser, f"{TAXES}add/", name="New", rates=None, **table).status_code
        == 302
    )


def test_manager_can_read_rates(managers_browser, product):
    assert (
        "VAT 19 %"
        in managers_browser.get(f"{TAXES}{product.tax_class_id}/change/").content.decode()
    )


# --- images ---------------------------------------------------------------------------------------


def build_upload(content, name="photo.png"):
    return SimpleUploadedFile(name, content, content_type="image/png")


def test_image_is_set_shown_replaced_and_removed(managers_browser, product, shop, manager):
    page = f"{PRODUCTS}{product.pk}/change/"
    assert 'name="remove_image"' not in managers_browser.get(page).content.decode()

    for width in (12, 14):
        upload = build_upload(build_image(width))
        assert submit_form(managers_browser, page, new_image=upload).status_code == 302
        image = get_row(shop, Product, pk=product.pk).image
        assert image["width"] == width
    with tenant_scope(shop):
        events = AuditEvent.objects.filter(event="product_changed", target=product.pk)
        assert [each.actor for each in events] == [manager.pk] * 2

    address = f'src="/api/v1/images/{shop.pk.hex}{image["hash"]}/thumbnail/"'
    assert address in managers_browser.get(page).content.decode()
    assert address in managers_browser.get(PRODUCTS).content.decode()
    assert submit_form(managers_browser, page, price="3.00").status_code == 302
    assert get_row(shop, Product, pk=product.pk).image == image
    assert submit_form(managers_browser, page, remove_image="on").status_code == 302
    assert get_row(shop, Product, pk=product.pk).image is None
    assert address not in managers_browser.get(PRODUCTS).content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_new", [True, False])
def test_image_is_decoded_outside_of_the_transaction(
    managers_browser, product, shop, monkeypatch, is_new
):
    """On every database: PostgreSQL has a transaction for the other pages, too."""
    seen = []

    def decode(*given):
        seen.append(connection.in_atomic_block)
        return normalize_image(*given)

    monkeypatch.setattr("orders.admin.catalog.normalize_image", decode)
    form = {"new_image": build_upload(build_image())} | (NEW if is_new else {})
    page = f"{PRODUCTS}add/" if is_new else f"{PRODUCTS}{product.pk}/change/"

    assert submit_form(managers_browser, page, **form).status_code == 302

    assert seen == [False]
    found = {"sku": "PEAR"} if is_new else {"pk": product.pk}
    assert get_row(shop, Product, **found).image["width"] == 12


def test_new_product_has_its_image_at_once(managers_browser, shop):
    form = NEW | {"new_image": build_upload(build_image())}

    assert submit_form(managers_browser, f"{PRODUCTS}add/", **form).status_code == 302
    assert get_row(shop, Product, sku="PEAR").image["width"] == 12


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg/>", "PNG, JPEG or WebP"),
        (build_image(kind="GIF"), "PNG, JPEG or WebP"),
        (b"x" * (1024 * 1024 + 1), "must not exceed 1024 KB"),
    ],
)
def test_other_file_than_an_image_changes_nothing(managers_browser, product, content, words):
    page = f"{PRODUCTS}{product.pk}/change/"
    before = snapshot_database(Product), snapshot_database(ProductImage)

    response = submit_form(managers_browser, page, name="Other", new_image=build_upload(content))

    assert words in read_errors(response)
    assert (snapshot_database(Product), snapshot_database(ProductImage)) == before


def test_image_is_not_saved_with_other_errors(managers_browser, product):
    page = f"{PRODUCTS}{product.pk}/change/"
    before = snapshot_database(Product), snapshot_database(ProductImage)

    response = submit_form(managers_browser, page, price="x", new_image=build_upload(build_image()))

    assert read_errors(response)
    assert (snapshot_database(Product), snapshot_database(ProductImage)) == before
