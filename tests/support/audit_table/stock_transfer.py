"""The audit events of stock transfers."""

from orders.models import StockTransfer
from tenants.scope import across_tenants
from tests.support.audit_table.scene import ExpectedEvent, row

PATH = "stock/transfers/"


def load(made):
    """Return the transfer with the stores that its name has."""
    with across_tenants():
        return StockTransfer.objects.select_related("from_store", "to_store").get(pk=made)


def expect(scene, made, **facts):
    return ExpectedEvent(scene.admin, load(made), facts)


def stores(scene, made):
    transfer = load(made)
    return {"store": str(transfer.from_store_id), "to_store": str(transfer.to_store_id)}


@row("stock_transfer_created")
def stock_transfer_created(scene):
    made = scene.post(PATH, scene.transfer())["id"]
    return expect(scene, made, **stores(scene, made))


@row("stock_transfer_changed")
def stock_transfer_changed(scene):
    made = scene.draft_transfer()
    scene.done("PATCH", f"{PATH}{made}/", {"note": "On Friday"})
    return expect(scene, made, changes={"note": {"from": "", "to": "On Friday"}})


@row("stock_transfer_sent")
def stock_transfer_sent(scene):
    made = scene.sent_transfer()
    return expect(scene, made, **stores(scene, made), products=1)


@row("stock_transfer_received")
def stock_transfer_received(scene):
    made = scene.sent_transfer()
    scene.done("POST", f"{PATH}{made}/receive/", {"unchecked": "missing"})
    return expect(scene, made, **stores(scene, made), products=1, different=1)


@row("stock_transfer_canceled")
def stock_transfer_canceled(scene):
    made = scene.sent_transfer()
    scene.done("POST", f"{PATH}{made}/cancel/")
    return expect(scene, made, **stores(scene, made), was_sent=True)
