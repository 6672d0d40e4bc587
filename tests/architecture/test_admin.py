"""Admin pages write through services only."""

import ast

import pytest

from tests.support.discovery import ROOT

# The pages of the platform use Django's own classes.
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
# Access to rows of all shops.
UNSCOPED_NAMES = {"across_tenants", "_base_manager"}


def calls(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield node.func.attr, node.lineno


def test_admin_pages_are_found():
    assert {path.name for path in PAGES} >= {"users.py", "stores.py", "catalog.py", "site.py"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_admin_pages_write_only_through_services(path):
    assert [(name, line) for name, line in calls(path) if name in WRITES] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_admin_pages_stay_in_the_tenant_scope(path):
    tree = ast.parse(path.read_text("utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    assert not (names | attributes) & UNSCOPED_NAMES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_admin_pages_mark_no_text_as_safe(path):
    names = {name for name, _ in calls(path)}
    tree = ast.parse(path.read_text("utf-8"))
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}

    assert not names & {"mark_safe", "SafeString", "format_html"}


def test_templates_contain_no_inline_script_style_or_unescaped_text():
    for path in (ROOT / "templates").rglob("*.html"):
        if path.name == "mail.html":  # mail programs need inline styles
            continue
        text = path.read_text("utf-8")
        for unsafe in ("|safe", "autoescape off", " style=", "<style", "javascript:", " onclick="):
            assert unsafe not in text, path
        assert "<script>" not in text, path
