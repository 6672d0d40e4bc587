"""The audit events of stock counts and reorder points."""

from orders.models import StockCount
from tests.support.audit_table.scene import ExpectedEvent, row

PATH = "stock/counts/"


def start(scene):
    body = {"name": "Shelf 3", "store": str(scene.store.pk)}
    return scene.post(PATH, body)["id"]


def expect(scene, made, **facts):
    return ExpectedEvent(scene.admin, scene.row(StockCount, made), facts)


@row("stock_count_started")
def stock_count_started(scene):
    return expect(scene, start(scene), store=str(scene.store.pk))


@row("stock_count_changed")
def stock_count_changed(scene):
    made = start(scene)
    scene.done("PATCH", f"{PATH}{made}/", {"name": "Shelf 4"})
    return expect(scene, made, changes={"name": {"from": "Shelf 3", "to": "Shelf 4"}})


@row("stock_count_closed")
def stock_count_closed(scene):
    made = start(scene)
    lines = [{"product": str(scene.product.pk), "quantity": "3"}]
    scene.post(f"{PATH}{made}/lines/", {"lines": lines})
    scene.done("POST", f"{PATH}{made}/close/", {"uncounted": "keep"})
    facts = {"counted": 1, "different": 1, "uncounted": "keep", "set_to_zero": 0}
    return expect(scene, made, store=str(scene.store.pk), **facts)


@row("stock_count_canceled")
def stock_count_canceled(scene):
    made = start(scene)
    scene.done("POST", f"{PATH}{made}/cancel/")
    return expect(scene, made, store=str(scene.store.pk))


@row("reorder_point_changed")
def reorder_point_changed(scene):
    level = scene.till.get("stock/").json()["results"][0]["id"]
    scene.done("PATCH", f"stock/{level}/", {"reorder_point": "3"})
    changes = {"reorder_point": {"from": None, "to": "3"}}
    facts = {"store": str(scene.store.pk), "changes": changes}
    return ExpectedEvent(scene.admin, scene.product, facts)
