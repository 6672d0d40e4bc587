"""Audit events of the catalog and stock."""

from orders.models import Category, Product, StockMovement, TaxClass
from tests.factories.tenants import StoreFactory
from tests.support.audit_table.scene import ExpectedEvent, row
from tests.support.valid_posts import CSV


@row("tax_class_added")
def tax_class_added(scene):
    made = scene.post("tax-classes/", {"name": "Reduced", "rates": []})
    return ExpectedEvent(scene.admin, scene.row(TaxClass, made["id"]))


@row("tax_class_changed")
def tax_class_changed(scene):
    tax_class = scene.row(TaxClass, scene.product.tax_class_id)
    scene.done("PATCH", f"tax-classes/{tax_class.pk}/", {"name": "Low"})
    changes = {"name": {"from": tax_class.name, "to": "Low"}}
    return ExpectedEvent(scene.admin, scene.row(TaxClass, tax_class.pk), {"changes": changes})


@row("category_added")
def category_added(scene):
    made = scene.post("categories/", {"name": "Fruit"})
    return ExpectedEvent(scene.admin, scene.row(Category, made["id"]))


@row("category_changed")
def category_changed(scene):
    category = scene.row(Category, scene.product.category_id)
    scene.done("PATCH", f"categories/{category.pk}/", {"name": "Fruits"})
    changes = {"name": {"from": category.name, "to": "Fruits"}}
    return ExpectedEvent(scene.admin, scene.row(Category, category.pk), {"changes": changes})


@row("product_added")
def product_added(scene):
    made = scene.post("products/", {"sku": "PEAR", "name": "Pear", "price": "1.00"})
    return ExpectedEvent(scene.admin, scene.row(Product, made["id"]))


@row("product_changed")
def product_changed(scene):
    scene.done("PATCH", f"products/{scene.product.pk}/", {"name": "Red apple"})
    changes = {"name": {"from": "Apple", "to": "Red apple"}}
    return ExpectedEvent(scene.admin, scene.row(Product, scene.product.pk), {"changes": changes})


@row("products_imported")
def products_imported(scene):
    response = scene.till.send(
        "POST", "products/import/", CSV, "multipart/form-data; boundary=b", Idempotency_Key="csv"
    )
    assert response.status_code == 200, response.content
    return ExpectedEvent(
        scene.admin,
        None,
        {"created": 1, "updated": 0, "unchanged": 0, "format": "till", "stock_set": 0},
    )


def moved(scene, type, quantity, **more):
    """Create a stock movement; return the facts that every such event has."""
    body = {
        "type": type,
        "product": str(scene.product.pk),
        "store": str(scene.store.pk),
        "quantity": quantity,
        **more,
    }
    scene.post("stock/movements/", body)
    facts = {"store": str(scene.store.pk)}
    stored = {"store": scene.store, "type": type}
    movement = scene.the_only(StockMovement, **stored, product=scene.product, reason=more["reason"])
    return facts | {"movement": str(movement.pk), "reason": more["reason"]}


@row("stock_received")
def stock_received(scene):
    facts = moved(scene, "receive", "5", reason="Monday")
    return ExpectedEvent(scene.admin, scene.product, facts | {"quantity": "5"})


@row("stock_adjusted")
def stock_adjusted(scene):
    facts = moved(scene, "adjust", "-2", reason="Broken")
    return ExpectedEvent(scene.admin, scene.product, facts | {"quantity": "-2"})


@row("stock_wasted")
def stock_wasted(scene):
    facts = moved(scene, "waste", "3", reason="Rotten")
    return ExpectedEvent(scene.admin, scene.product, facts | {"quantity": "-3"})


@row("stock_counted")
def stock_counted(scene):
    facts = moved(scene, "count", "4", reason="Inventory")
    return ExpectedEvent(scene.admin, scene.product, facts | {"quantity": "-6", "counted": "4"})


@row("stock_transferred")
def stock_transferred(scene):
    second = StoreFactory(tenant=scene.shop, name="Second")
    facts = moved(scene, "transfer_out", "2", reason="Sunday", to_store=str(second.pk))
    return ExpectedEvent(
        scene.admin, scene.product, facts | {"quantity": "-2", "to_store": str(second.pk)}
    )
