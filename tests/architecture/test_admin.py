"""The pages of the admin write through services, and in no way of their own."""

import ast

import pytest

from tests.support.discovery import ROOT

# The platform's few pages are of Django's own kind.
PAGES = sorted(
    path
    for folder in ("accounts/admin", "orders/admin", "accounts/admin_site")
    for path in (ROOT / folder).glob("*.py")
    if path.name != "platform.py"
)
WRITES = {
    "save",
    "save_base",
    "save_changes",
    "create",
    "get_or_create",
    "update_or_create",
    "bulk_create",
    "bulk_update",
    "delete",
    "set_password",
    "execute",
}
# Another shop's rows, or all of them, are no page's business.
WIDENS = {"across_tenants", "_base_manager"}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node.lineno


def test_the_pages_are_found():
    assert {path.name for path in PAGES} >= {"users.py", "stores.py", "catalog.py", "site.py"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_h32_no_page_writes_past_the_services(path):
    assert [(name, line) for name, line in calls(path) if name in WRITES] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_widens_the_scope(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert not (names | attributes) & WIDENS


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_page_marks_anything_as_safe(path):
    names = {name for name, _ in calls(path)}
    tree = ast.parse(path.read_text("utf-8"))
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert not names & {"mark_safe", "SafeString", "format_html"}


def test_no_template_of_ours_lets_anything_run():
    for path in (ROOT / "templates").rglob("*.html"):
        if path.name == "mail.html":  # is no page: mail programs know no style sheets
            continue
        text = path.read_text("utf-8")
        for danger in ("|safe", "autoescape off", " style=", "<style", "javascript:", " onclick="):
            assert danger not in text, path
        assert "<script>" not in text, path
