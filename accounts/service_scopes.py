"""The scopes of service keys, and the only routes that a service key can use."""

from collections.abc import Mapping

# Scope -> method -> names of routes. Each operation needs exactly one scope.
SCOPES: Mapping[str, Mapping[str, str]] = {
    "catalog:read": {
        "get": "catalog-snapshot product-list product-detail product-export category-list "
        "category-detail tax-class-list tax-class-detail barcode-rule-list barcode-rule-detail "
        "modifier-list-list modifier-list-detail price-list-list price-list-detail price-list "
        "price-detail store-list store-detail register-list "
        "register-detail tenant",
    },
    "catalog:write": {
        "post": "product-list product-import category-list barcode-rule-list modifier-list-list "
        "price-list-list price-list price-batch",
        "patch": "product-detail category-detail barcode-rule-detail modifier-list-detail "
        "price-list-detail price-detail",
        "put": "product-image",
        "delete": "product-image",
    },
    "stock:read": {
        "get": "stock-level-list stock-level-detail movement-list movement-detail stock-count-list "
        "stock-count-detail stock-count-line-list stock-count-line-detail stock-transfer-list "
        "stock-transfer-detail stock-transfer-line-list stock-transfer-line-detail",
    },
    "stock:write": {
        "post": "movement-list movement-batch stock-count-list stock-count-lines stock-count-close "
        "stock-count-cancel stock-transfer-list stock-transfer-lines stock-transfer-send "
        "stock-transfer-check stock-transfer-receive stock-transfer-cancel",
        "patch": "stock-level-detail stock-count-detail stock-transfer-detail",
    },
    "orders:read": {
        "get": "order-list order-detail order-receipt receipt payment-list payment-detail "
        "refund-list refund-detail refund-receipt",
    },
    "orders:write": {
        "post": "order-list order-calculate order-lines order-discounts order-hold order-resume "
        "order-void order-payments order-refunds order-receipt-email payment-cancel "
        "refund-cancel",
        "patch": "order-detail order-line",
        "delete": "order-line order-discount",
    },
    "reports:read": {
        # Not the reports of dead stock and margins, which show what goods cost the shop.
        "get": "sales-report low-stock-report waste-report bookkeeping-report shift-list "
        "shift-detail shift-z-report"
    },
    "customers:read": {
        "get": "customer-list customer-detail customer-group-list customer-group-detail",
    },
    "customers:write": {
        "post": "customer-list customer-group-list",
        "patch": "customer-detail customer-group-detail",
    },
}
ROUTES: Mapping[tuple[str, str], str] = {
    (method, name): scope
    for scope, methods in SCOPES.items()
    for method, names in methods.items()
    for name in names.split()
}


def find_scope(method: str, route: str | None) -> str | None:
    """Return the scope that a request needs, or None if no service key can send it."""
    verb = "get" if method == "HEAD" else method.lower()
    return ROUTES.get((verb, route or ""))
