import json
import re

import pytest
import yaml
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator

import config
from config import api_docs
from config.openapi import PROBLEM, RESPONSES, document_problems
from tests.support.problems import assert_problem

SCHEMA, DOCS = "/api/schema/", "/api/docs/"


@pytest.fixture
def generations(monkeypatch):
    """Clear the cached document and record how often it is generated."""
    api_docs.render_document.cache_clear()
    times = []

    class Counting(SchemaGenerator):
        def __init__(self):
            times.append(1)
            super().__init__()

    monkeypatch.setattr(api_docs, "SchemaGenerator", Counting)
    yield times
    api_docs.render_document.cache_clear()


def test_root_redirects_to_the_docs(client):
    response = client.get("/")

    assert (response.status_code, response["Location"]) == (302, DOCS)


def test_document_is_public_openapi_3_1_in_json(client):
    response = client.get(SCHEMA)

    document = response.json()
    assert response["Content-Type"] == "application/json"
    assert document["openapi"] == "3.1.0"
    assert document["info"]["title"] == "Till"
    assert document["components"]["schemas"]["Problem"] == PROBLEM


@pytest.mark.slow
def test_document_is_available_as_yaml(client):
    response = client.get(SCHEMA, headers={"Accept": "application/vnd.oai.openapi"})

    assert response["Content-Type"] == "application/vnd.oai.openapi"
    assert yaml.safe_load(response.content)["openapi"] == "3.1.0"


def test_document_is_generated_once(client, generations):
    answers = {client.get(SCHEMA).content for _ in range(3)}
    client.get(f"{SCHEMA}?version=evil&lang=de")

    assert (len(generations), len(answers)) == (1, 1)


def test_document_is_generated_again_in_debug_mode(client, generations, settings):
    settings.DEBUG = True
    client.get(SCHEMA)
    client.get(SCHEMA)

    assert len(generations) == 2


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_document_ignores_host_headers(client, generations, header):
    response = client.get(SCHEMA, headers={header: "evil.example"})  # attack 149

    assert "evil" not in response.content.decode()
    assert "evil" not in client.get(SCHEMA).content.decode()


def test_document_in_other_media_types_is_not_acceptable(client):
    assert_problem(client.get(SCHEMA, headers={"Accept": "text/html"}), 406, "not_acceptable")


def test_every_operation_documents_its_errors(client):
    document = client.get(SCHEMA).json()
    operations = [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]

    assert operations
    for path, method, operation in operations:
        documented = operation["responses"].keys()
        assert documented >= {"400", "401", "403", "429", "503"}, (path, method)
        assert ("404" in documented) or "{" not in path, (path, method)
        assert ("409" in documented) or method == "get", (path, method)
        assert ({"413", "415"} <= documented) or "requestBody" not in operation, (path, method)
    references = set(re.findall(r"#/components/responses/(\w+)", json.dumps(document)))
    assert references <= document["components"]["responses"].keys()


def test_documented_error_of_a_view_is_kept():
    own = {"description": "The till is closed."}
    result = {"paths": {"/api/docs/": {"post": {"responses": {"409": own}}, "parameters": []}}}

    document_problems(result, generator=None, request=None, public=True)

    responses = result["paths"]["/api/docs/"]["post"]["responses"]
    assert responses["409"] == own
    assert responses["400"] == {"$ref": "#/components/responses/Invalid"}
    assert "404" not in responses
    assert set(result["components"]["responses"]) == {name for name, _ in RESPONSES.values()}


def test_docs_page_needs_no_external_host_and_no_inline_script(client):
    page = client.get(DOCS).content.decode()
    script = client.get(re.findall(r'src="([^"]*\?script=[^"]*)"', page)[0])

    assert re.findall(r"https?://", page) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
    assert re.findall(r"<style|style=|\bon\w+=", page) == []
    assert script["Content-Type"].startswith("application/javascript")
    assert SCHEMA in script.content.decode()


def test_static_files_of_the_docs_page_exist(client):
    page = client.get(DOCS).content.decode()
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)

    assert len(files) == 4
    for file in files:
        assert client.get(file).status_code == 200


RELEASES = re.findall(
    r"(?m)^## (\S+)(?: - (\d{4}-\d{2}-\d{2}))?$", (settings.BASE_DIR / "CHANGELOG.md").read_text()
)


def test_document_shows_the_version(client):
    assert client.get(SCHEMA).json()["info"]["version"] == config.__version__


def test_version_is_the_newest_release_of_the_changelog():
    newest = next(version for version, _ in RELEASES if version != "Unreleased")
    assert newest == config.__version__


def test_changelog_releases_have_a_version_and_a_date():
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version, date in RELEASES if date)


def test_only_unreleased_changes_have_no_date():
    assert {version for version, date in RELEASES if not date} <= {"Unreleased"}
