"""Every operation of the OpenAPI document has an example, and every example succeeds."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator

from accounts.models.pairing_code import normalize_pairing_code
from accounts.security.tokens import issue_pair
from accounts.services import pairing_codes
from config import openapi_examples as examples
from config.openapi_operations import PREFIX
from orders.models import Product
from tenants.models import Tenant
from tenants.scope import across_tenants
from tests.architecture.test_schema import JSON, document, path_in_document
from tests.factories.accounts import PASSWORD, AuthSessionFactory, UserFactory
from tests.factories.orders import BarcodeFactory
from tests.support.api import Api, Person
from tests.support.discovery import routes
from tests.support.terminals import PairedTerminal, give_pin
from tests.support.till import Till
from tests.support.valid_posts import HOOK, POSTS, Post, ShopSetup
from tests.support.valid_writes import WRITES

NAMES = {path_in_document(each.name): each.name for each in routes() if "api/v1/" in each.path}
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
}
# Only the provider can sign an event.
UNSIGNED = {"payment_events.receive"}
# Requests of clients that have no user yet.
ANONYMOUS = ("auth.log_in", "auth.refresh", "auth.verify", "auth.revoke", "auth.sign_up")
# Requests of devices, which need a paired terminal or a pairing code.
OF_DEVICES = ("auth.log_in_with_pin", "auth.pair")
READ = sorted(name for name, (method, _, _) in OPERATIONS.items() if method == "get")
WRITTEN = sorted(
    name for name, (method, _, _) in OPERATIONS.items() if method != "get" and name not in UNSIGNED
)


def get_example(operation, media_type=JSON):
    body = operation.get("requestBody")
    return None if body is None else body["content"][media_type]["example"]


def test_every_body_has_an_example_that_its_schema_accepts():
    schemas = {"components": document()["components"]}
    for name, (_, _, operation) in OPERATIONS.items():
        for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
            assert "example" in content, f"Add {name} to BODIES ({media_type})."
            validator = Draft202012Validator(content["schema"] | schemas)
            assert [e.message for e in validator.iter_errors(content["example"])] == [], name
    assert examples.BODIES.keys() - OPERATIONS.keys() == set()
    assert examples.QUERY_VALUES.keys() - OPERATIONS.keys() == set()


def test_every_parameter_that_is_required_has_an_example():
    components = document()["components"]["parameters"]
    for name, (_, _, operation) in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            shown = components.get(parameter.get("$ref", "").rpartition("/")[2], parameter)
            if shown.get("required"):
                assert "example" in shown or shown["schema"]["examples"], (name, shown["name"])


@pytest.fixture
def world(admin, cashier, register, store, product):
    """Return a shop with a product, users and passwords of the demo shop."""
    with across_tenants():
        Product.objects.filter(pk=product.pk).update(sku=examples.SKU)
    BarcodeFactory(product=product, code=examples.BARCODE)
    return ShopSetup(Till(admin, register), cashier, product, store)


def replace_values(example: Any, values: dict[str, str]) -> Any:
    text = json.dumps(example)
    for old, new in values.items():
        text = text.replace(json.dumps(old), json.dumps(new))
    return json.loads(text)


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - set(ANONYMOUS) - set(OF_DEVICES)))
def test_example_of_a_write_succeeds(name, world):
    method, path, operation = OPERATIONS[name]
    route = NAMES[path]
    build = POSTS.get(route) if method == "post" else WRITES.get((method, route))
    post: Post = build(world)
    valid = post.body if isinstance(post.body, dict) else {}
    values = {
        examples.REGISTER: str(world.till.register.pk),
        examples.STORE: str(world.store.pk),
        examples.OTHER_STORE: valid.get("to_store", ""),
        examples.PRODUCT: str(world.product.pk),
        examples.PROVIDER: valid.get("provider", ""),
        examples.PRICE_LIST: valid.get("price_list", ""),
        "demo-admin-password": PASSWORD,
        "https://books.example/till": HOOK,
        "2026-01-05T09:30:00Z": timezone.now().isoformat(),
    }
    body: Any = post.body
    if not post.content_type.startswith("multipart/"):
        body = replace_values(get_example(operation), values)

    response = world.till.send(
        method.upper(), post.path(route), body, post.content_type, If_Match="*"
    )

    assert response.status_code < 300, response.content


@pytest.mark.parametrize("name", READ)
def test_read_without_a_row_needs_only_its_example(name, world):
    """Reads of one row are covered by the tests of their resource."""
    _, path, operation = OPERATIONS[name]
    if "{" in path or operation["security"] == [{"terminal": []}]:
        return
    world.shift()
    query = {
        each["name"]: replace_values(
            each["example"],
            {
                examples.REGISTER: str(world.till.register.pk),
                examples.STORE: str(world.store.pk),
            },
        )
        for each in operation.get("parameters", [])
        if "example" in each
    }

    response = world.till.get(path.removeprefix(PREFIX), query)

    assert response.status_code == 200, response.content


@pytest.fixture
def demo_user(shop):
    """Return the cashier with the name and password of the demo shop."""
    with across_tenants():
        Tenant.objects.filter(pk=shop.pk).update(slug="corner")
    return UserFactory(tenant=shop, username="lena", password="demo-till-password")


@pytest.mark.parametrize("name", ANONYMOUS)
def test_example_of_a_request_without_a_user_succeeds(name, demo_user, settings):
    settings.SIGNUP_ENABLED = True
    pair = issue_pair(AuthSessionFactory(user=demo_user))
    token = pair.refresh if name == "auth.refresh" else pair.access
    _, path, operation = OPERATIONS[name]
    body = replace_values(get_example(operation), {examples.TOKEN: token})

    response = Api().post(path.removeprefix(PREFIX), body)

    assert response.status_code < 300, response.content


def test_example_of_the_password_form_succeeds(demo_user):
    form = urlencode(get_example(OPERATIONS["auth.log_in"][2], examples.FORM))

    response = Api().post("auth/token/", form, content_type=examples.FORM)

    assert response.status_code == 200, response.content


def test_example_of_a_pin_succeeds(cashier, manager, register):
    _, path, operation = OPERATIONS["auth.log_in_with_pin"]
    example = get_example(operation)
    give_pin(cashier, example["pin"])

    response = PairedTerminal(register, manager).post(
        path.removeprefix(PREFIX), replace_values(example, {examples.USER: str(cashier.pk)})
    )

    assert response.status_code == 200, response.content


def test_example_of_a_pairing_code_succeeds(manager, register, monkeypatch):
    _, path, operation = OPERATIONS["auth.pair"]
    example = get_example(operation)
    code = normalize_pairing_code(example["pairing_code"])
    monkeypatch.setattr(pairing_codes, "generate_code", lambda: code)
    assert Person(manager).post(f"registers/{register.pk}/pairing-codes/").status_code == 201

    response = Api().post(path.removeprefix(PREFIX), example)

    assert response.status_code == 201, response.content
