"""The audit events of barcode rules."""

from orders.models import BarcodeRule
from tests.support.audit_table.scene import ExpectedEvent, row

RULE = {"pattern": "20IIIIIVVVVVC", "kind": "weight"}


@row("barcode_rule_added")
def barcode_rule_added(scene):
    made = scene.post("barcode-rules/", RULE)
    return ExpectedEvent(scene.admin, scene.row(BarcodeRule, made["id"]))


@row("barcode_rule_changed")
def barcode_rule_changed(scene):
    made = scene.post("barcode-rules/", RULE)
    scene.done("PATCH", f"barcode-rules/{made['id']}/", {"priority": 2})
    changes = {"priority": {"from": 0, "to": 2}}
    return ExpectedEvent(scene.admin, scene.row(BarcodeRule, made["id"]), {"changes": changes})
