"""The lists that contain every resource, and the entry of a new one in each.

Most anchors are the lines of categories, which are such a resource.
"""

from dataclasses import dataclass

DOCSTRING = r'\A"""(?s:.*?)"""\n'


@dataclass(frozen=True, slots=True)
class Registration:
    """Insert the filled text into the file after the first match of the pattern."""

    file: str
    anchor: str
    text: str


REGISTRATIONS = (
    # The application.
    Registration(
        "$app/models/__init__.py", DOCSTRING, "\nfrom $app.models.$name import $class_name\n"
    ),
    Registration("$app/models/__init__.py", r"^__all__ = \[", '\n    "$class_name",'),
    Registration(
        "$app/views/__init__.py", DOCSTRING, "\nfrom $app.views.$name import ${class_name}ViewSet\n"
    ),
    Registration("$app/views/__init__.py", r"^__all__ = \[", '\n    "${class_name}ViewSet",'),
    Registration(
        "$app/urls.py",
        r"^router = SimpleRouter\(.*\)\n",
        'router.register("$path", views.${class_name}ViewSet, basename="$route")\n',
    ),
    Registration(
        "tenants/events/topics.py",
        r'^    "category": ".*",\n',
        '    "$name": "created updated deleted",\n',
    ),
    # The OpenAPI document.
    Registration(
        "config/openapi_operations.py",
        r'^    "categories": ".*",\n',
        '    "$path": "The $titles of the shop.",\n',
    ),
    Registration(
        "config/openapi_examples.py",
        r'^(?=    "categories.create": )',
        '    "$plural.create": {"name": "First"},\n    "$plural.update": {"name": "Second"},\n',
    ),
    # Its tests: permissions, valid requests, announced changes and audit events.
    Registration(
        "tests/architecture/test_permissions.py",
        r'^    \("patch", "category-detail"\): \w+,\n',
        '    ("get", "$route-list"): STAFF,\n'
        '    ("post", "$route-list"): MANAGERS,\n'
        '    ("get", "$route-detail"): STAFF,\n'
        '    ("patch", "$route-detail"): MANAGERS,\n',
    ),
    Registration(
        "tests/architecture/conftest.py",
        r'^        "category": product.category_id,\n',
        '        "$route": ${class_name}Factory(tenant=shop).pk,\n',
    ),
    Registration(
        "tests/architecture/conftest.py",
        r"^import pytest\n",
        "from tests.factories.$name import ${class_name}Factory\n",
    ),
    Registration(
        "tests/architecture/test_assigned_stores.py", r'^    "category",\n', '    "$route",\n'
    ),
    Registration(
        "tests/architecture/test_tombstones.py",
        r'^    assert kinds == \{[^}]*"category",',
        ' "$name",',
    ),
    Registration(
        "tests/support/valid_posts.py",
        r'^    "category-list": .*,\n',
        '    "$route-list": lambda world: Post({"name": "First"}),\n',
    ),
    Registration(
        "tests/support/valid_writes.py",
        r'^(?=    \("patch", "product-detail"\))',
        '    ("patch", "$route-detail"): lambda world: Post(\n'
        '        {"name": "Second"},\n'
        '        row=world.till.post("$path/", {"name": "First"}).json()["id"],\n'
        "    ),\n",
    ),
    Registration(
        "tests/support/outbox_assertions.py", DOCSTRING, "\nfrom $app.models import $class_name\n"
    ),
    Registration(
        "tests/support/outbox_assertions.py",
        r"^    BookkeepingProfile,\n(?=    ReceiptProfile,\n\)\n# Models that are part of)",
        "    $class_name,\n",
    ),
    Registration(
        "tests/support/audit_table/__init__.py",
        DOCSTRING,
        "\nfrom tests.support.audit_table import $name\n",
    ),
    Registration("tests/support/audit_table/__init__.py", r"^__all__ = \[", '"$name", '),
)
