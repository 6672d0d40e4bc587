"""Every list of rows takes ids; the document says which reads answer If-None-Match."""

import uuid

import pytest

from tenants.api.filters import MAX_IDS
from tests.architecture.test_permissions import get_row_id
from tests.architecture.test_schema import document, path_in_document
from tests.support.discovery import routes
from tests.support.problems import assert_problem
from tests.support.route_calls import BY_NAME

pytestmark = pytest.mark.once

# Rows without an id, and what belongs to a log-in: sessions, and the users of a terminal.
WITHOUT_IDS = {"idempotency-key", "session-list", "user-sessions", "pin-users"}
READS = {
    route.name: document()["paths"][path_in_document(route.name)]["get"]
    for route in routes()
    if route.path.startswith("api/v1/") and "get" in route.methods
}


def find_answered_schema(operation):
    content = operation["responses"].get("200", {}).get("content", {})
    return content.get("application/json", {}).get("schema", {}).get("$ref", "")


LISTS = sorted(
    name
    for name, operation in READS.items()
    if "/Paginated" in find_answered_schema(operation) and name not in WITHOUT_IDS
)
# An open order changes without a new version, such as by a payment of its reader.
ROWS = sorted(name for name in READS if name.endswith("-detail") and name not in {"order-detail"})
every_list = pytest.mark.parametrize("name", LISTS)
UNKNOWN = "019aa22a-0000-7000-8000-000000000000"


def build_path(name, rows):
    path = BY_NAME[name].path.removeprefix("api/v1/")
    return path.replace("<uuid:pk>", str(get_row_id(name, rows)))


def list_ids(client, path, ids):
    answer = client.get(path, {"id": ids, "page_size": 200})
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_all_lists_were_found():
    assert {"order-list", "payment-list", "webhook-deliveries", "audit-list"} < set(LISTS)
    others = {route.name for route in routes() if route.methods.get("get") == "list"} - set(LISTS)
    assert others == {"changes", "idempotency-key", "session-list"}


@every_list
def test_list_is_filtered_by_ids(name, people, rows):
    client, path = people["admin"], build_path(name, rows)
    every = [row["id"] for row in client.get(path).json()["results"]]
    wanted = every[:2]

    assert wanted
    assert sorted(list_ids(client, path, ",".join([*wanted, UNKNOWN]))) == sorted(wanted)
    assert list_ids(client, path, UNKNOWN) == []


@every_list
def test_list_refuses_other_ids(name, people, rows):
    client, path = people["admin"], build_path(name, rows)
    refused = {
        ",".join([UNKNOWN] * (MAX_IDS + 1)): "max_length",
        f"{UNKNOWN},x": "invalid",
        "": "blank",
    }

    for ids, code in refused.items():
        assert_problem(client.get(path, {"id": ids}), 400, "invalid", errors={"id": code})
    assert list_ids(client, path, ",".join([UNKNOWN] * MAX_IDS)) == []


@every_list
def test_list_returns_no_row_of_another_shop(name, people, rows, foreign, client_of):
    """Ids of the shop are unknown to the admin of another one."""
    path = build_path(name, rows)
    ids = [row["id"] for row in people["admin"].get(path).json()["results"]]

    answer = client_of(foreign.admin).get(path, {"id": ",".join(ids)})

    assert answer.status_code == 404 or answer.json()["results"] == []


def test_no_other_operation_has_the_etag_of_a_list():
    documented = {
        path.removeprefix("/")
        for path, operations in document()["paths"].items()
        for operation in operations.values()
        if operation["responses"].get("200", {}).get("headers", {}).get("ETag")
        == {"$ref": "#/components/headers/ListETag"}
    }

    assert documented <= {BY_NAME[name].path for name in LISTS}


@every_list
def test_list_has_the_etag_that_the_document_says(name, people, rows):
    operation = READS[name]
    is_documented = "ETag" in operation["responses"]["200"].get("headers", {})
    assert is_documented == ("304" in operation["responses"])
    client, path = people["admin"], build_path(name, rows)
    answer = client.get(path)

    assert ("ETag" in answer) == is_documented
    if is_documented:
        assert client.get(path, If_None_Match=answer["ETag"]).status_code == 304
        assert client.get(path, If_None_Match=f'W/"{uuid.uuid4().hex}"').status_code == 200


@pytest.mark.parametrize("name", ROWS)
def test_row_answers_if_none_match_as_the_document_says(name, people, rows):
    client, path = people["admin"], build_path(name, rows)
    answer = client.get(path)
    assert answer.status_code == 200, answer.content

    unchanged = client.get(path, If_None_Match=answer.get("ETag", "*"))

    assert (unchanged.status_code == 304) == ("304" in READS[name]["responses"])


def test_rows_that_a_terminal_copies_answer_if_none_match():
    conditional = {name for name in READS if "304" in READS[name]["responses"]}

    assert {"tenant", "catalog-snapshot", "order-detail", "price-detail"} < conditional
    assert {"price-list-detail", "stock-count-detail", "customer-detail"} < conditional
    assert {"barcode-rule-detail", "bookkeeping-profile-detail"} < conditional
    assert {"me", "shift-current", "payment-detail"}.isdisjoint(conditional)
