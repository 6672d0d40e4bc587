"""Rows of the change feed are never deleted, only parts of them, so no copy outlives its row."""

import ast
import re

from django.contrib import admin

from accounts.admin_site.site import shop_site
from accounts.models import User
from tenants.events.topics import TOPICS
from tenants.models import Tenant
from tests.support.discovery import ROOT
from tests.support.outbox_assertions import ANNOUNCED_MODELS, PART_MODELS, UNANNOUNCED_MODELS

# Files that delete rows, with their models: parts of announced rows, or rows not announced.
DELETES = {
    "accounts/services/pairing_codes.py": "PairingCode",
    "accounts/services/pins.py": "Pin",
    "accounts/services/store_assignments.py": "Posting",
    "orders/services/catalog/products.py": "Barcode",
    "orders/services/catalog/csv_diff.py": "Barcode",
    "orders/services/catalog/modifier_lists.py": "Modifier",
    "orders/services/catalog/product_images.py": "ProductImage",
    "orders/services/reports/summary.py": "SalesHour",
    "orders/services/sales/open_orders.py": "OrderLine",
    "orders/services/stock/transfers.py": "StockTransferLine",
    "tenants/idempotency.py": "IdempotencyKey",
    "tenants/events/webhooks/services.py": "Webhook OutboxDelivery",
    "accounts/services/pruning.py": "AuthSession IdempotencyKey OutboxDelivery OutboxEvent",
}
SQL = re.compile(r"\b(?:DELETE\s+FROM|TRUNCATE)\b", re.IGNORECASE)
OF_SHOPS = ("accounts", "config", "orders", "tenants")


def deletes_rows(path):
    """Return whether the file deletes rows by the ORM or by SQL."""
    return any(map(is_delete, ast.walk(ast.parse(path.read_text("utf-8")))))


def is_delete(node):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"delete", "_raw_delete"} and not node.args
    text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and bool(SQL.search(text))


def test_announced_rows_are_not_deleted():
    """Code that deletes such a row must send a topic that ends with `.deleted`."""
    found = {
        path.relative_to(ROOT).as_posix()
        for app in OF_SHOPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and deletes_rows(path)
    }
    deleted = {name for names in DELETES.values() for name in names.split()}

    assert found == set(DELETES)
    assert not deleted & {model.__name__ for model in ANNOUNCED_MODELS}
    assert deleted <= {model.__name__ for model in (*PART_MODELS, *UNANNOUNCED_MODELS)}


def test_admin_pages_do_not_delete(rf, root):
    request = rf.get("/platform/")
    request.user = root
    pages = [*admin.site._registry.values(), *shop_site._registry.values()]

    assert {page.model for page in pages} >= set(ANNOUNCED_MODELS) - {Tenant, User}
    for page in pages:
        assert not page.has_delete_permission(request), page
        assert not any(inline.can_delete for inline in page.inlines), page


def test_deleted_topics_exist_for_catalog_stores_registers_and_users():
    kinds = {topic.partition(".")[0] for topic in TOPICS if topic.endswith(".deleted")}

    assert kinds == {
        "product",
        "category",
        "bookkeeping_profile",
        "customer_group",
        "modifier_list",
        "barcode_rule",
        "price_list",
        "price",
        "tax_class",
        "store",
        "register",
        "user",
    }
