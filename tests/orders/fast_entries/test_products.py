"""The fast entry for products answers before Django, with the same responses as the view."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest
import time_machine
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orders.models import Product
from tenants.ids import new_id
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import BarcodeFactory, CategoryFactory, ProductFactory, TaxClassFactory
from tests.support.api import Person
from tests.support.both_ways import BothWays, call
from tests.support.product_images import create_image
from tests.support.statements import assert_statement_count
from tests.support.variants import create_variant

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

PRODUCTS = "/api/v1/products/"
# Any text that a column can hold.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40
)
NAMES = ["Milk", "Ünï \u2028 code", 'Quote " and \\ backslash', "日本 \U0001f34e", "Zebra", "<&>'"]


@pytest.fixture
def client(cashier):
    return BothWays(Person(cashier).tokens.access)


@pytest.fixture
def products(shop):
    with tenant_scope(shop):
        related = {
            "tax_class": TaxClassFactory(tenant=shop),
            "category": CategoryFactory(tenant=shop),
        }
        created = [
            ProductFactory(
                tenant=shop, name=name, sku=f"S-{number}", price=f"{number}.50", **related
            )
            for number, name in enumerate(NAMES)
        ]
        metadata = {"zz": [1, None, {"ü": "\u2028"}], "a": True, "long name": 10**20}
        Product.objects.filter(pk=created[1].pk).update(external_id="ERP-1", metadata=metadata)
        created.append(
            ProductFactory(tenant=shop, name="Bare", sku="B", tax_class=None, category=None)
        )
        for code in ("4006381333931", "NULL", 'a"b\\c', "with blank", "{,}"):
            BarcodeFactory(tenant=shop, product=created[0], code=code)
    return created


def results(answer):
    assert answer.status == "200 OK"
    return json.loads(answer.body)["results"]


# --- the list -----------------------------------------------------------------------------------


def test_first_page_equals_the_view(client, products, foreign):
    assert len(results(client.get(PRODUCTS))) == len(products)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 200])
def test_all_pages_equal_the_view_in_both_directions(client, products, size):
    path, seen = f"{PRODUCTS}?page_size={size}", []
    while path:
        page = json.loads(client.get(path).body)
        seen += [row["id"] for row in page["results"]]
        last, path = page, page["next"]
    assert sorted(seen) == sorted(str(product.pk) for product in products)

    while last["previous"]:
        last = json.loads(client.get(last["previous"]).body)
    assert [row["id"] for row in last["results"]] == seen[:size]


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_prices_equal_the_view_in_every_currency(client, shop, products, currency):
    with tenant_scope(shop):
        Product.objects.filter(pk=products[0].pk).update(price="1.500")
        shop.currency = currency
        shop.save()

    client.get(PRODUCTS)


@pytest.mark.parametrize(
    "query",
    [
        "?page_size=0",
        "?page_size=201",
        "?page_size=x",
        "?cursor=",
        "?cursor=forged",
        "?cursor=WzFd:forged",
        "?unknown=1",
        "?page_size=1&page_size=2",
        "?barcode=",
        "?barcode=a&sku=b",
        "?ordering=-name",
        "?ordering=name",
        "?barcode=%C3%BC",
        "?barcode=a+b",
        "?barcode",
        "?&",
    ],
)
def test_other_queries_are_left_to_the_view(client, products, query):
    client.get(f"{PRODUCTS}{query}", fast=False)


def test_cursor_of_another_list_is_left_to_the_view_and_refused(client, products):
    foreign = json.loads(client.get(f"{PRODUCTS}?ordering=price&page_size=1", fast=False).body)

    answer = client.get(foreign["next"].replace("ordering=price&", ""), fast=False)

    assert json.loads(answer.body)["code"] == "invalid_cursor"


def test_empty_accept_header_is_left_to_the_view_and_refused(client, products):
    answer = client.get(PRODUCTS, fast=False, accept="")

    assert answer.status == "406 Not Acceptable"


def test_expired_token_is_refused_although_it_was_verified(client, products):
    client.get(PRODUCTS)
    with time_machine.travel(timezone.now() + timedelta(days=2), tick=False):
        answer = client.get(PRODUCTS, fast=False)

    assert answer.status == "401 Unauthorized"


# --- one product --------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["4006381333931", "NULL", "unknown"])
def test_product_is_found_by_barcode(client, products, code):
    assert len(results(client.get(f"{PRODUCTS}?barcode={code}"))) == (code != "unknown")


@pytest.mark.parametrize(
    ("code", "found", "is_fast"),
    [
        ("04006381333931", 1, True),
        ("14006381333938", 0, False),
        # With rules it may be found in another way.
        ("4006381333930", 0, False),
    ],
)
def test_product_is_found_by_another_spelling_of_a_gtin(client, products, code, found, is_fast):
    answer = client.get(f"{PRODUCTS}?barcode={code}", fast=is_fast)

    assert len(results(answer)) == found


@pytest.mark.parametrize(
    ("code", "found", "is_fast"),
    [("4006381333931", 1, True), ("04006381333931", 1, False), ("2100007005379", 1, False)],
)
def test_product_is_found_where_labels_are_used(client, shop, products, code, found, is_fast):
    with tenant_scope(shop):
        Product.objects.filter(pk=products[0].pk).update(plu="7")
    BarcodeRuleFactory(tenant=shop, pattern="21IIIIIVVVVVC", kind="price")

    answer = client.get(f"{PRODUCTS}?barcode={code}", fast=is_fast)

    assert len(results(answer)) == found


@pytest.mark.parametrize("sku", ["S-1", "B", "unknown"])
def test_product_is_found_by_sku(client, products, sku):
    assert len(results(client.get(f"{PRODUCTS}?sku={sku}"))) == (sku != "unknown")


def test_product_by_id_has_an_etag(client, products):
    for product in products:
        answer = client.get(f"{PRODUCTS}{product.pk}/")
        assert ("ETag", '"1"') in answer.headers


def test_unknown_product_is_left_to_the_view_and_not_found(client, products, foreign):
    for pk in (new_id(), foreign.product.pk, str(products[0].pk).upper()):
        assert client.get(f"{PRODUCTS}{pk}/", fast=False).status == "404 Not Found"


def test_products_of_another_shop_do_not_exist(client, foreign):
    assert results(client.get(PRODUCTS)) == []
    assert results(client.get(f"{PRODUCTS}?sku={foreign.product.sku}")) == []


def test_product_list_sends_one_message_to_postgresql(client, products, messages):
    call("GET", PRODUCTS, **client.headers)
    messages.clear()

    with assert_statement_count(0):
        call("GET", PRODUCTS, **client.headers)

    assert len(messages) == 1


def test_variants_equal_the_view(client, shop, products, foreign):
    """With options that JSON writes with escapes, and in the order of the names."""
    values = ('M "slim" \u2028', "Größe 日本 \U0001f34e", "\\ <&>'")
    for value in values:
        create_variant(products[0], Größe=value, Color="Red")
    hidden = create_variant(foreign.product, Size="M")

    listed = results(client.get(f"{PRODUCTS}?parent={products[0].pk}&page_size=200"))
    assert [list(each["options"]) for each in listed] == [["Größe", "Color"]] * 3
    assert {each["options"]["Größe"] for each in listed} == set(values)
    shown = json.loads(client.get(f"{PRODUCTS}{products[0].pk}/").body)
    assert (shown["has_variants"], shown["options"]) == (True, {})
    first = client.get(f"{PRODUCTS}?parent={products[0].pk}&page_size=1")
    client.get(json.loads(first.body)["next"])
    for parent in (products[1].pk, foreign.product.pk, hidden.pk):
        assert results(client.get(f"{PRODUCTS}?parent={parent}")) == []


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_unit_prices_equal_the_view(client, shop, products, currency):
    with tenant_scope(shop):
        shop.currency = currency
        shop.save()
        for product, (content, unit) in zip(
            products, [("750", "g"), ("0.33", "l"), ("3", "piece"), ("1.125", "m2")], strict=False
        ):
            Product.objects.filter(pk=product.pk).update(content=content, content_unit=unit)
        Product.objects.filter(pk=products[4].pk).update(sold_by="weight", cost="1.11")
        Product.objects.filter(pk=products[3].pk).update(open_price=True)

    shown = results(client.get(PRODUCTS))
    assert sum(each["unit_price"] is not None for each in shown) == 4
    assert not any("cost" in each for each in shown)


def test_images_equal_the_view(client, manager, products):
    for product, size in ((products[0], 12), (products[2], 400)):
        create_image(product, manager, width=size)

    shown = {each["id"]: each["image"] for each in results(client.get(PRODUCTS))}
    assert sum(image is not None for image in shown.values()) == 2
    assert shown[str(products[2].pk)]["width"] == 400
    for product in products:
        assert client.get(f"{PRODUCTS}{product.pk}/").status == "200 OK"


# --- tags and compression -------------------------------------------------------------------------


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.5", "identity", "gzip;q=0", "*"])
def test_long_list_is_compressed(client, products, accepted):
    answer = client.get(PRODUCTS, accept_encoding=accepted)

    is_compressed = ("Content-Encoding", "gzip") in answer.headers
    assert is_compressed == (accepted not in {"identity", "gzip;q=0"})


def test_filters(client, shop, products):
    with tenant_scope(shop):
        Product.objects.filter(pk=products[1].pk).update(is_active=False)
    category = products[0].category_id
    since = products[2].updated_at.isoformat().replace("+", "%2B")
    wanted = f"{products[0].pk},{products[3].pk},{new_id()}"

    for query, number in (
        ("is_active=true", 6),
        ("is_active=false", 1),
        (f"category={category}", 6),
        (f"updated_since={since}", 5),
        (f"id={wanted}", 2),
        (f"id={wanted}&is_active=true&category={category}", 2),
    ):
        seen, path = [], f"{PRODUCTS}?{query}&page_size=1"
        while path:
            page = json.loads(client.get(path).body)
            seen += page["results"]
            path = page["next"]
        assert len(seen) == number, query


@pytest.mark.parametrize(
    "query",
    [
        "is_active=True",
        "is_active=1",
        "category=x",
        "parent=x",
        "updated_since=yesterday",
        "updated_since=2026-01-01T00:00:00",
        "id=x",
        "id=,",
        "id=" + ",".join([str(new_id())] * 201),
        "price_min=1",
    ],
)
def test_other_filters_are_left_to_the_view(client, products, query):
    client.get(f"{PRODUCTS}?{query}", fast=False)


def test_unchanged_products_are_not_modified(client, products):
    for path in (PRODUCTS, f"{PRODUCTS}?sku=S-1", f"{PRODUCTS}{products[0].pk}/"):
        etag = dict(client.get(path).headers)["ETag"]
        for sent in (etag, "*", f'"x", {etag}'):
            answer = client.get(path, if_none_match=sent)
            assert (answer.status, answer.body) == ("304 Not Modified", b"")
        assert client.get(path, if_none_match='"x"').status == "200 OK"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.tuples(TEXTS, TEXTS, st.integers(0, 10**9), st.lists(TEXTS, max_size=3)), max_size=6
    )
)
def test_any_catalog_equals_the_view(client, shop, rows):
    with tenant_scope(shop):
        Product.objects.all().delete()
        codes = iter(range(1000))
        for number, (name, sku, price, barcodes) in enumerate(rows):
            product = Product(name=name, sku=f"{number}{sku}"[:64], price=Decimal(price) / 100)
            product.save()
            for code in barcodes:
                product.barcodes.create(code=f"{next(codes)}{code}"[:64])

    path = f"{PRODUCTS}?page_size=2"
    while path:
        path = json.loads(client.get(path).body)["next"]
