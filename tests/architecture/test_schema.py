"""Every response matches the OpenAPI document field by field, without extra fields."""

import copy
import re
import uuid
from functools import cache
from typing import Any

import pytest
from django.urls import reverse
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker

from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.orders import BarcodeFactory
from tests.support.api import Api, Person
from tests.support.discovery import METHODS, routes
from tests.support.terminals import PIN

JSON = "application/json"


@cache
def document() -> dict[str, Any]:
    with GENERATOR_STATS.silence():
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return made


def make_strict(schema: Any) -> Any:
    """Return the schema with all properties required and no others allowed."""
    if isinstance(schema, list):
        return [make_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    stricter = {name: make_strict(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        stricter |= {"additionalProperties": False, "required": list(schema["properties"])}
    return stricter


@cache
def strict_components() -> dict[str, Any]:
    found: dict[str, Any] = make_strict(copy.deepcopy(document()["components"]))
    return found


def ensure_documented(response: Any, method: str, route: str) -> None:
    """Assert that the document describes this response of the operation."""
    operation = document()["paths"][path_in_document(route)][method]
    assert str(response.status_code) in operation["responses"], response.content
    content = operation["responses"][str(response.status_code)].get("content")
    if content is None:
        assert response.content == b""
        return
    schema = make_strict(content[JSON]["schema"]) | {"components": strict_components()}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    assert [f"{e.json_path}: {e.message}" for e in validator.iter_errors(response.json())] == []


def path_in_document(name: str) -> str:
    (path,) = (route.path for route in routes() if route.name == name)
    return "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", path).replace("{pk}", "{id}")


def test_document_is_openapi_3_1_and_contains_every_route():
    paths = {
        path_in_document(route.name): set(route.methods)
        for route in routes()
        if route.path.startswith("api/v1/")
    }

    assert document()["openapi"].startswith("3.1")
    assert {path: set(item) & set(METHODS) for path, item in document()["paths"].items()} == paths


@pytest.mark.parametrize(
    ("schema", "value", "wrong"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}, "'a' is a required"),
        ({"type": "object", "properties": {}}, {"b": 1}, "'b' was unexpected"),
        ({"type": "array", "items": {"type": "object", "properties": {}}}, [{"c": 1}], "'c' was"),
    ],
)
def test_strict_schema_rejects_missing_and_extra_fields(schema, value, wrong):
    (error,) = Draft202012Validator(make_strict(schema)).iter_errors(value)

    assert wrong in error.message


# --- responses ---------------------------------------------------------------------------------


@pytest.fixture
def basket(product, register):
    """Return an order with every optional part."""
    discount = {"type": "percent", "value": "5", "reason": "Bruised"}
    return {
        "id": str(uuid.uuid4()),
        "register": str(register.pk),
        "lines": [
            {"sku": "APPLE", "quantity": "2", "note": "Green ones", "discounts": [discount]},
            {"sku": "APPLE", "quantity": 1},
        ],
        "discounts": [{"type": "amount", "value": "0.10"}],
        "customer": {"name": "Ann"},
        "note": "In a bag",
        "payments": [
            {"method": "card", "amount": "1.00"},
            {"method": "cash", "amount": "5.00", "tendered": "10.00"},
        ],
    }


def test_calculation_response_is_documented(cashier_client, basket):
    response = cashier_client.post("orders/calculate/", basket)

    assert response.status_code == 200
    assert response.json()["lines"][0]["trace"]
    ensure_documented(response, "post", "order-calculate")


def test_order_payment_and_receipt_responses_are_documented(cashier_client, basket):
    made = cashier_client.post("orders/", basket)
    again = cashier_client.post("orders/", basket)
    path = f"orders/{basket['id']}/"
    rest = {"id": str(uuid.uuid4()), "method": "cash", "amount": made.json()["due"]}
    paid, paid_again = (
        cashier_client.post(f"{path}payments/", rest),
        cashier_client.post(f"{path}payments/", rest),
    )

    assert (made.status_code, again.status_code) == (201, 200)
    assert (paid.status_code, paid_again.status_code) == (201, 200)
    for response in (made, again):
        ensure_documented(response, "post", "order-list")
    for response in (paid, paid_again):
        ensure_documented(response, "post", "order-payments")
    ensure_documented(cashier_client.get(path), "get", "order-detail")
    ensure_documented(cashier_client.get("orders/"), "get", "order-list")
    ensure_documented(cashier_client.get(f"{path}receipt/"), "get", "order-receipt")
    mailed = cashier_client.post(f"{path}receipt/email/", {"email": "ada@customer.example"})
    ensure_documented(mailed, "post", "order-receipt-email")


def test_payment_resolve_response_is_documented(cashier_client, admin_client, basket):
    """The simulated gateway times out for amounts that end in .92."""
    basket["payments"] = [{"method": "card", "amount": "3.92"}]
    payment = cashier_client.post("orders/", basket).json()["payments"][0]

    ensure_documented(
        admin_client.post(f"payments/{payment['id']}/resolve/"), "post", "payment-resolve"
    )


def test_minimal_order_response_is_documented(cashier_client, basket, product, register):
    minimal = {"id": basket["id"], "register": basket["register"], "lines": basket["lines"][1:]}

    ensure_documented(cashier_client.post("orders/", minimal), "post", "order-list")


def test_catalog_responses_are_documented(admin_client, product):
    BarcodeFactory(product=product)
    paths = {
        "product": f"products/{product.pk}/",
        "category": f"categories/{product.category_id}/",
        "tax-class": f"tax-classes/{product.tax_class_id}/",
    }
    for kind, path in paths.items():
        ensure_documented(admin_client.get(path), "get", f"{kind}-detail")
        ensure_documented(admin_client.get(path.split("/")[0] + "/"), "get", f"{kind}-list")
        ensure_documented(admin_client.patch(path, {}, If_Match="*"), "patch", f"{kind}-detail")
    bodies = {
        "product": {"sku": "PEAR", "name": "Pear", "price": "1.00", "barcodes": ["42"]},
        "category": {"name": "Fruit"},
        "tax-class": {"name": "Reduced", "rates": [{"name": "VAT", "percent": "7"}]},
    }
    for kind, body in bodies.items():
        response = admin_client.post(paths[kind].split("/")[0] + "/", body)
        assert response.status_code == 201
        ensure_documented(response, "post", f"{kind}-list")


def test_stock_responses_are_documented(admin_client, product, store):
    delivery = {
        "id": str(uuid.uuid4()),
        "type": "receive",
        "product": str(product.pk),
        "store": str(store.pk),
        "quantity": "15",
    }
    for status in (201, 200):
        response = admin_client.post("stock/movements/", delivery)
        assert response.status_code == status
        ensure_documented(response, "post", "movement-list")
    ensure_documented(
        admin_client.get(f"stock/movements/{delivery['id']}/"), "get", "movement-detail"
    )
    ensure_documented(admin_client.get("stock/movements/"), "get", "movement-list")
    levels = admin_client.get("stock/")
    ensure_documented(levels, "get", "stock-level-list")
    level = levels.json()["results"][0]["id"]
    ensure_documented(admin_client.get(f"stock/{level}/"), "get", "stock-level-detail")
    count = delivery | {"id": str(uuid.uuid4()), "type": "count", "quantity": 0}
    ensure_documented(admin_client.post("stock/movements/", count), "post", "movement-list")
    marked = admin_client.patch(f"stock/{level}/", {"reorder_point": "3"}, If_Match="*")
    ensure_documented(marked, "patch", "stock-level-detail")


def test_user_responses_are_documented(admin_client, cashier, manager):
    path = f"users/{cashier.pk}/"
    calls = [
        ("get", "users/", None, "user-list"),
        ("post", "users/", {"username": "newcomer", "role": "cashier"}, "user-list"),
        ("get", path, None, "user-detail"),
        ("patch", path, {"display_name": "Al"}, "user-detail"),
        ("delete", f"{path}activation/", None, "user-activation"),
        ("put", f"{path}activation/", None, "user-activation"),
        ("post", f"{path}reset-password/", None, "user-reset-password"),
        ("put", f"{path}role/", {"role": "manager"}, "user-role"),
        ("put", f"{path}pin/", {"pin": PIN}, "user-pin"),
        ("delete", f"{path}pin/", None, "user-pin"),
        ("get", f"{path}sessions/", None, "user-sessions"),
        ("delete", f"{path}sessions/", None, "user-sessions"),
        ("get", "auth/me/", None, "me"),
        ("patch", "auth/me/", {"email": ""}, "me"),
    ]
    for method, url, body, route in calls:
        response = admin_client.send(method.upper(), url, body, If_Match="*")
        assert response.status_code < 300, response.content
        ensure_documented(response, method, route)
    # For a manager some email addresses are null.
    ensure_documented(Person(manager).get("users/"), "get", "user-list")


def test_tenant_store_and_register_responses_are_documented(admin_client, register, store):
    for kind, row in (("store", store), ("register", register)):
        path = f"{kind}s/{row.pk}/"
        ensure_documented(admin_client.get(f"{kind}s/"), "get", f"{kind}-list")
        ensure_documented(admin_client.get(path), "get", f"{kind}-detail")
        response = admin_client.patch(path, {"name": "Another"}, If_Match="*")
        ensure_documented(response, "patch", f"{kind}-detail")
    ensure_documented(admin_client.post("stores/", {"name": "Second"}), "post", "store-list")
    place = {"name": "Till 2", "store": str(store.pk)}
    ensure_documented(admin_client.post("registers/", place), "post", "register-list")
    ensure_documented(admin_client.get("tenant/"), "get", "tenant")
    change = {"cash_rounding_increment": "0.05"}
    ensure_documented(admin_client.patch("tenant/", change, If_Match="*"), "patch", "tenant")


def test_token_responses_are_documented(shop, settings):
    settings.SIGNUP_ENABLED = True
    client = Api()
    UserFactory(tenant=shop, username="tess")
    person = {"tenant": shop.slug, "username": "tess", "password": PASSWORD}
    pair = client.post("auth/token/", person)
    ensure_documented(pair, "post", "token")
    refreshed = client.post("auth/token/refresh/", {"refresh": pair.json()["refresh"]})
    ensure_documented(refreshed, "post", "token-refresh")
    token = refreshed.json()["access"]
    ensure_documented(client.post("auth/token/verify/", {"token": token}), "post", "token-verify")
    change = {"current_password": PASSWORD, "new_password": "eleven grey ferries"}
    changed = Api(token).put("auth/password/", change)
    ensure_documented(changed, "put", "password")
    bearer = Api(changed.json()["access"])
    ensure_documented(bearer.post("auth/logout-all/"), "post", "logout-all")
    admin = {"username": "ada", "email": "ada@red.example", "password": "nine purple herons fly"}
    shop_of_her_own = {"slug": "red", "name": "Red", "currency": "EUR"}
    signed_up = client.post("auth/signup/", {"tenant": shop_of_her_own, "admin": admin})
    ensure_documented(signed_up, "post", "signup")
    ensure_documented(Api(signed_up.json()["access"]).post("auth/logout/"), "post", "logout")


def test_session_responses_are_documented(cashier_client, cashier):
    elsewhere = Person(cashier).session.pk

    ensure_documented(cashier_client.post("auth/reauth/", {"password": PASSWORD}), "post", "reauth")
    ensure_documented(cashier_client.get("auth/sessions/"), "get", "session-list")
    ensure_documented(
        cashier_client.delete(f"auth/sessions/{elsewhere}/"), "delete", "session-detail"
    )


def test_document_is_public(client):
    response = client.get(reverse("schema"), headers={"Accept": JSON})

    assert response.status_code == 200
    assert response.json()["paths"].keys() == document()["paths"].keys()
