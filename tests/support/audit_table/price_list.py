"""The audit events of price lists and prices."""

from orders.models import Price, PriceList
from tests.support.audit_table.scene import ExpectedEvent, row


def create_list(scene):
    return scene.post("price-lists/", {"name": "Wholesale", "priority": 1})["id"]


def create_price(scene):
    body = {"price_list": create_list(scene), "product": str(scene.product.pk), "amount": "2.00"}
    return scene.post("prices/", body)["id"]


def describe(scene):
    return {"sku": scene.product.sku, "price_list": "Wholesale"}


@row("price_list_added")
def price_list_added(scene):
    return ExpectedEvent(scene.admin, scene.row(PriceList, create_list(scene)))


@row("price_list_changed")
def price_list_changed(scene):
    made = create_list(scene)
    scene.done("PATCH", f"price-lists/{made}/", {"priority": 2})
    changes = {"priority": {"from": 1, "to": 2}}
    return ExpectedEvent(scene.admin, scene.row(PriceList, made), {"changes": changes})


@row("price_added")
def price_added(scene):
    return ExpectedEvent(scene.admin, scene.row(Price, create_price(scene)), describe(scene))


@row("price_changed")
def price_changed(scene):
    made = create_price(scene)
    end = "2027-01-01T00:00:00"
    scene.done("PATCH", f"prices/{made}/", {"amount": "1.90", "valid_to": end})
    changes = {
        "amount": {"from": "2.00", "to": "1.90"},
        "valid_to": {"from": None, "to": "2027-01-01 00:00:00"},
    }
    facts = describe(scene) | {"changes": changes}
    return ExpectedEvent(scene.admin, scene.row(Price, made), facts)
