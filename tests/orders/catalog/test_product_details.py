"""Cost and content of products: who sees them, unit prices, import and export."""

from decimal import Decimal

import pytest

from orders.models import Product
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.factories.orders import ProductFactory
from tests.support.api import Person
from tests.support.catalog_files import export_catalog, import_catalog, parse_rows, upload_catalog
from tests.support.till import cash_rest, line, new_id, set_product

pytestmark = pytest.mark.django_db


def change(client, product, **changes):
    return client.patch(f"products/{product.pk}/", changes, If_Match="*")


def get_details(shop, product):
    with tenant_scope(shop):
        stored = Product.objects.get(pk=product.pk)
    return (stored.cost, stored.content, stored.content_unit)


# --- cost ---------------------------------------------------------------------------------------


def test_managers_set_and_see_the_cost(manager_client, admin_client, shop, product):
    body = {"sku": "PEAR", "name": "Pear", "price": "1.20", "cost": "0.45"}
    made = manager_client.post("products/", body).json()

    assert change(manager_client, product, cost="1.1").status_code == 200

    for id, cost in ((made["id"], "0.45"), (str(product.pk), "1.10")):
        for client in (manager_client, admin_client):
            shown = client.get(f"products/{id}/cost/").json()
            assert (shown["id"], shown["cost"]) == (id, cost)
    assert change(manager_client, product, cost=None).status_code == 200
    assert manager_client.get(f"products/{product.pk}/cost/").json()["cost"] is None
    with tenant_scope(shop):
        event = AuditEvent.objects.filter(event="product_changed").earliest("created_at")
    assert event.facts["changes"] == {"cost": {"from": None, "to": "1.10"}}


def test_no_other_answer_has_the_cost(
    manager_client, cashier_client, till, shop, product, make_product
):
    sold = make_product("2.50", cost=Decimal("7.77"), sku="SOLD")
    order = till.sold(line(sold), payments=[cash_rest()])
    paths = [
        "products/",
        f"products/{sold.pk}/",
        "products/?sku=SOLD",
        "products/?search=sold",
        "catalog/snapshot/",
        f"orders/{order['id']}/",
        f"orders/{order['id']}/receipt/",
    ]
    for client in (manager_client, cashier_client):
        answers = [change(manager_client, sold, name="Other")]
        answers += [client.get(path) for path in paths]
        for answer in answers:
            assert answer.status_code == 200, answer.content
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert b"7.77" not in content
            assert b'"cost"' not in content
    with tenant_scope(shop):
        assert "7.77" not in str(list(OutboxEvent.objects.values_list("data")))


def test_cashiers_neither_see_nor_set_the_cost(cashier_client, shop, product, problem):
    set_product(shop, product, cost=Decimal("1.10"))

    problem(cashier_client.get(f"products/{product.pk}/cost/"), 403, "permission_denied")
    problem(change(cashier_client, product, cost="0.10"), 403, "permission_denied")
    assert get_details(shop, product)[0] == Decimal("1.10")


def test_cost_is_not_changed_from_a_pin_session(manager, shop, product, problem):
    session = AuthSessionFactory(user=manager, method="pin")

    refused = change(Person(manager, session), product, cost="0.10")

    problem(refused, 403, "password_required")
    assert get_details(shop, product)[0] is None


@pytest.mark.parametrize("cost", ["-0.01", "0.001", "x", 1.5])
def test_wrong_cost_is_refused(manager_client, shop, product, cost, problem):
    assert change(manager_client, product, cost=cost).status_code == 400
    assert get_details(shop, product)[0] is None


def test_cost_of_another_shop_does_not_exist(manager_client, foreign, problem):
    for id in (foreign.product.pk, new_id()):
        problem(manager_client.get(f"products/{id}/cost/"), 404, "not_found")


def test_variant_has_the_cost_of_its_parent(manager_client, make_product):
    parent = make_product(stock=None, cost=Decimal("1.10"))
    body = {"sku": "V", "parent": str(parent.pk), "options": {"Size": "M"}}

    made = manager_client.post("products/", body).json()

    assert manager_client.get(f"products/{made['id']}/cost/").json()["cost"] == "1.10"


# --- content and unit price -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "unit_price"),
    [
        ({"content": "750", "content_unit": "g"}, {"amount": "3.33", "unit": "kg"}),
        ({"content": "0.33", "content_unit": "l"}, {"amount": "7.58", "unit": "l"}),
        ({"content": "10", "content_unit": "piece"}, {"amount": "0.25", "unit": "piece"}),
        ({}, None),
        ({"sold_by": "weight"}, {"amount": "2.50", "unit": "kg"}),
        ({"sold_by": "weight", "weight_unit": "lb"}, {"amount": "2.50", "unit": "lb"}),
        ({"content": "750", "content_unit": "g", "open_price": True}, None),
    ],
)
def test_unit_price_is_shown(manager_client, cashier_client, product, values, unit_price):
    answer = change(manager_client, product, **values, name="Jam")

    assert answer.status_code == 200, answer.content
    assert answer.json()["unit_price"] == unit_price
    (shown,) = cashier_client.get("products/").json()["results"]
    assert shown["unit_price"] == unit_price
    assert shown["content"] == values.get("content")
    assert shown["content_unit"] == values.get("content_unit")


def test_content_is_removed(manager_client, shop, product):
    set_product(shop, product, content=Decimal(750), content_unit="g")

    answer = change(manager_client, product, content=None, content_unit=None)

    assert answer.json()["unit_price"] is None
    assert get_details(shop, product) == (None, None, None)


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({"content": "750"}, {"content_unit": "required"}),
        ({"content_unit": "g"}, {"content": "required"}),
        ({"content": "0", "content_unit": "g"}, {"content": "zero"}),
        ({"content": "-1", "content_unit": "g"}, {"content": "invalid"}),
        ({"content": "0.0001", "content_unit": "g"}, {"content": "max_decimal_places"}),
        ({"content": "1", "content_unit": "oz"}, {"content_unit": "invalid_choice"}),
        ({"content": "1", "content_unit": ""}, {"content_unit": "invalid_choice"}),
    ],
)
def test_wrong_content_is_refused(manager_client, shop, product, values, errors, problem):
    problem(change(manager_client, product, **values), 400, "invalid", errors)

    assert get_details(shop, product) == (None, None, None)


# --- files ----------------------------------------------------------------------------------------


def test_import_and_export_have_the_details(manager_client, shop, product):
    text = (
        "sku;name;price;cost;content;content_unit\n"
        "JAM;Jam;2,50;1,10;0,75;KG\nTEA;Tea;3,00;;;\nAPPLE;Apple;2,50;0,9;;\n"
    )

    assert import_catalog(manager_client, text) == (2, 1, 0)
    assert import_catalog(manager_client, text) == (0, 0, 3)

    rows = {row["sku"]: row for row in parse_rows(export_catalog(manager_client))}
    assert [rows["JAM"][name] for name in ("cost", "content", "content_unit")] == [
        *("1.10", "0.75", "kg")
    ]
    assert [rows["TEA"][name] for name in ("cost", "content", "content_unit")] == ["", "", ""]
    assert import_catalog(manager_client, export_catalog(manager_client)) == (0, 0, 3)
    emptied = "sku,cost,content,content_unit\nJAM,,,\n"
    assert import_catalog(manager_client, emptied) == (0, 1, 0)


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ("x,,", ("cost", "not_a_number")),
        ("-1,,", ("cost", "not_a_number")),
        (",0,g", ("content", "not_positive")),
        (",5,", ("content_unit", "required")),
        (",,g", ("content", "required")),
        (",5,oz", ("content_unit", "invalid_choice")),
    ],
)
def test_import_refuses_details(manager_client, shop, product, cells, error):
    answer = upload_catalog(
        manager_client, f"sku,cost,content,content_unit\n{product.sku},{cells}\n"
    )

    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [error]
    assert get_details(shop, product) == (None, None, None)


def test_cost_of_another_system_is_imported(manager_client, shop):
    header = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Cost per item\n"
    text = f"{header}tee,Tee,Size,M,T-M,9.90,4.20\ntee,,,L,T-L,9.90,\n"

    assert upload_catalog(manager_client, text).status_code == 200

    with tenant_scope(shop):
        costs = dict(Product.objects.values_list("sku", "cost"))
    assert costs == {"tee": Decimal("4.20"), "T-M": Decimal("4.20"), "T-L": None}


def test_details_are_those_of_the_shop(manager_client, shop, foreign):
    with tenant_scope(foreign.tenant):
        ProductFactory(tenant=foreign.tenant, cost=Decimal("6.66"))

    assert "6.66" not in export_catalog(manager_client)
