"""Responses to tests are compared with the error codes of the OpenAPI document."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import conftest
from tests.support.documented_codes import TESTS, codes, is_test_of_api

API_TEST = SimpleNamespace(path=TESTS / "orders/sales/test_api.py")


@pytest.fixture
def unlisted(monkeypatch):
    """Let the document list no codes."""
    monkeypatch.setattr("tests.support.documented_codes.load_codes", dict)
    yield
    codes.begin()


@pytest.mark.usefixtures("unlisted")
def test_code_that_the_document_does_not_list_is_found(admin_client, shop):
    for name in ("Fruit", "Fruit"):
        admin_client.post("categories/", {"name": name})

    assert codes.found == ["categories.create: 409 already_exists"]


def test_listed_and_general_codes_are_not_found(admin_client, anonymous):
    for name in ("Fruit", "Fruit", ""):
        admin_client.post("categories/", {"name": name})
    for path in ("nowhere/", "categories/?unknown=1", "categories/?cursor=x"):
        assert admin_client.get(path).status_code in {400, 404}
    assert anonymous.get("categories/").status_code == 401
    assert admin_client.send("OPTIONS", "categories/").status_code == 405

    assert codes.found == []


def test_test_of_the_api_with_an_unlisted_code_fails():
    around = conftest.pytest_runtest_call(API_TEST)
    next(around)
    codes.found.append("orders.create: 409 expired")

    with pytest.raises(pytest.fail.Exception, match=r"orders\.create: 409 expired"):
        around.send("passed")
    codes.begin()


@pytest.mark.parametrize(
    ("path", "expected"), [("orders/sales/test_api.py", True), ("fuzz/test_fuzz.py", False)]
)
def test_random_requests_are_not_compared(path, expected):
    assert is_test_of_api(TESTS / Path(path)) is expected
