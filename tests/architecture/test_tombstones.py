"""What the feed tells of is never deleted, but in parts of it: nobody's copy outlives its row."""

import ast
import re

from django.contrib import admin

from accounts.admin_site.site import shop_site
from accounts.models import User
from tenants.events.topics import TOPICS
from tenants.models import Tenant
from tests.support.discovery import ROOT
from tests.support.outbox_assertions import PARTS, UNTOLD, WHOLES

# What deletes rows, and of what: parts of something that is told of again, or what is not told of.
DELETES = {
    "accounts/services/pins.py": "Pin",
    "accounts/services/store_assignments.py": "Posting",
    "orders/services/catalog/products.py": "Barcode",
    "orders/services/catalog/csv_diff.py": "Barcode",
    "orders/services/sales/open_orders.py": "OrderLine",
    "tenants/idempotency.py": "IdempotencyKey",
    "tenants/events/webhooks/services.py": "Webhook OutboxDelivery",
    "accounts/services/pruning.py": "AuthSession IdempotencyKey OutboxDelivery OutboxEvent",
}
SQL = re.compile(r"\b(?:DELETE\s+FROM|TRUNCATE)\b", re.IGNORECASE)
OF_SHOPS = ("accounts", "config", "orders", "tenants")


def deleting(path):
    """Whether rows are deleted here; also by hand, in SQL."""
    return any(map(deletes, ast.walk(ast.parse(path.read_text("utf-8")))))


def deletes(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"delete", "_raw_delete"} and not node.args
    text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and bool(SQL.search(text))


def test_no_whole_row_that_the_feed_tells_of_is_deleted_anywhere():
    """Whoever lets one be deleted announces it with a topic that ends with `.deleted`."""
    found = {
        path.relative_to(ROOT).as_posix()
        for app in OF_SHOPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and deleting(path)
    }
    deleted = {name for names in DELETES.values() for name in names.split()}

    assert found == set(DELETES)
    assert not deleted & {model.__name__ for model in WHOLES}
    assert deleted <= {model.__name__ for model in (*PARTS, *UNTOLD)}


def test_no_page_of_either_admin_deletes_anything(rf, root):
    request = rf.get("/platform/")
    request.user = root
    pages = [*admin.site._registry.values(), *shop_site._registry.values()]

    assert {page.model for page in pages} >= set(WHOLES) - {Tenant, User}
    for page in pages:
        assert not page.has_delete_permission(request), page
        assert not any(inline.can_delete for inline in page.inlines), page


def test_there_is_a_tombstone_for_what_a_shop_may_want_to_delete_one_day():
    kinds = {topic.partition(".")[0] for topic in TOPICS if topic.endswith(".deleted")}

    assert kinds == {"product", "category", "tax_class", "store", "register", "user"}
