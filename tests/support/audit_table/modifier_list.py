"""The audit events of modifier lists."""

from orders.models import ModifierList
from tests.support.audit_table.scene import ExpectedEvent, row
from tests.support.valid_posts import MODIFIER_LIST


@row("modifier_list_added")
def modifier_list_added(scene):
    made = scene.post("modifier-lists/", MODIFIER_LIST)
    return ExpectedEvent(scene.admin, scene.row(ModifierList, made["id"]))


@row("modifier_list_changed")
def modifier_list_changed(scene):
    made = scene.post("modifier-lists/", MODIFIER_LIST)
    scene.done("PATCH", f"modifier-lists/{made['id']}/", {"name": "Second"})
    changes = {"name": {"from": "Size", "to": "Second"}}
    return ExpectedEvent(scene.admin, scene.row(ModifierList, made["id"]), {"changes": changes})
