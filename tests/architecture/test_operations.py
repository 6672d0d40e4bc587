"""The OpenAPI document names, groups and describes every operation."""

import re

import pytest

from accounts.service_scopes import ROUTES, SCOPES
from config.openapi import SPECTACULAR_SETTINGS
from config.openapi_operations import OPERATIONS, PREFIX, TAGS, derive_names
from orders.services.catalog.file_formats import FORMATS
from tests.architecture.test_schema import document

OPERATION_ID = re.compile(r"[a-z_]+(\.[a-z_]+)+")
MAX_SUMMARY = 60


def list_operations():
    return [
        (f"{method.upper()} {path.removeprefix(PREFIX)}", operation)
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
    ]


def test_operation_ids_are_method_names_and_unique():
    ids = [operation["operationId"] for _, operation in list_operations()]

    assert [id for id in ids if OPERATION_ID.fullmatch(id) is None] == []
    assert len(set(ids)) == len(ids)
    assert {"orders.create", "orders.hold", "idempotency.retrieve", "tax_classes.update"} < set(ids)


def test_every_operation_has_a_summary():
    """Without one, add the operation to `OPERATIONS`."""
    summaries = {key: operation.get("summary", "") for key, operation in list_operations()}

    assert [key for key, summary in summaries.items() if not summary] == []
    assert [key for key, summary in summaries.items() if len(summary) > MAX_SUMMARY] == []
    assert summaries["POST categories/"] == "Create a category"
    assert summaries["GET orders/{id}/"] == "Retrieve an order"


def test_table_of_operations_has_no_others():
    assert OPERATIONS.keys() - {key for key, _ in list_operations()} == set()


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("GET gift-cards/", ("gift_cards.list", "List gift cards")),
        ("POST gift-cards/", ("gift_cards.create", "Create a gift card")),
        ("GET boxes/{id}/", ("boxes.retrieve", "Retrieve a box")),
        ("PATCH tax-classes/{id}/", ("tax_classes.update", "Change a tax class")),
        ("DELETE categories/{id}/", ("categories.delete", "Delete a category")),
        ("POST gift-cards/{id}/top-up/", ("gift_cards.top_up.create", "")),
    ],
)
def test_names_of_a_collection_come_from_its_path(key, names):
    assert derive_names(key) == names


def test_tags_are_described_in_the_order_of_a_day():
    """Without a description, add the tag to `TAGS`."""
    used = {tag for _, operation in list_operations() for tag in operation["tags"]}
    tags = document()["tags"]

    assert [tag["name"] for tag in tags if not tag.get("description")] == []
    assert {tag["name"] for tag in tags} == used
    names = [tag["name"] for tag in tags]
    assert names == list(TAGS)
    day = ["auth", "registers", "shifts", "catalog", "orders", "refunds", "changes", "stock"]
    day += ["reports", "tenant", "stores", "bookkeeping-profiles", "users", "audit"]
    assert sorted(day, key=names.index) == day


def test_security_is_a_user_a_service_key_a_terminal_or_nobody():
    bearer, form, terminal = {"bearer": []}, {"password": []}, {"terminal": []}
    key = {"service_key": []}
    security = {key: operation["security"] for key, operation in list_operations()}

    schemes = {"bearer", "password", "service_key", "terminal"}
    assert document()["components"]["securitySchemes"].keys() == schemes
    assert security["POST orders/"] == [bearer, form, key]
    assert security["POST users/"] == [bearer, form]
    assert security["POST auth/pin/"] == security["GET auth/pin/users/"] == [terminal]
    assert security["POST auth/token/"] == []
    without = {name for name, each in security.items() if bearer not in each}
    open_to_all = ("POST auth/", "GET auth/pin/", "GET images/", "POST payment-e")
    assert all(name.startswith(open_to_all) for name in without)
    scopes = [each.get("x-scope") for _, each in list_operations() if key in each["security"]]
    assert len(scopes) == len(ROUTES)
    assert set(scopes) == set(SCOPES)


def test_document_names_its_server_and_swagger_shows_collapsed_groups_with_a_filter():
    settings = SPECTACULAR_SETTINGS["SWAGGER_UI_SETTINGS"]

    assert [server["url"] for server in document()["servers"]] == ["/"]
    assert (settings["docExpansion"], settings["filter"]) == ("none", True)


def test_former_name_of_the_cash_due_is_deprecated():
    properties = document()["components"]["schemas"]["Calculation"]["properties"]

    assert [name for name, each in properties.items() if each.get("deprecated")] == ["cash_total"]


def test_report_of_an_import_names_every_format():
    described = document()["components"]["schemas"]["ImportReport"]["properties"]["format"]

    assert [each.name for each in FORMATS if each.name not in described["description"]] == []


def find_free_objects(schema, path):
    """Yield the paths of schemas that say `object` without saying what is in it."""
    if isinstance(schema, list):
        for each in schema:
            yield from find_free_objects(each, path)
    if not isinstance(schema, dict):
        return
    known = {"properties", "$ref", "oneOf", "anyOf", "allOf"} & schema.keys()
    others = schema.get("additionalProperties")
    has_typed_values = isinstance(others, dict) and "type" in others
    if schema.get("type") == "object" and not (known or has_typed_values):
        yield path
    for name, each in schema.items():
        yield from find_free_objects(each, f"{path}.{name}")


def test_only_facts_of_audit_events_and_metadata_are_any_object():
    free = {each.rpartition("schemas.")[2] for each in find_free_objects(document(), "document")}

    others = {each for each in free if not each.endswith(".properties.metadata")}
    assert others == {"AuditEvent.properties.facts"}
