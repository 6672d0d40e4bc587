"""The audit events of customers and their groups."""

from orders.models import Customer, CustomerGroup
from tests.support.audit_table.scene import ExpectedEvent, row


@row("customer_group_added")
def customer_group_added(scene):
    made = scene.post("customer-groups/", {"name": "First"})
    return ExpectedEvent(scene.admin, scene.row(CustomerGroup, made["id"]))


@row("customer_group_changed")
def customer_group_changed(scene):
    made = scene.post("customer-groups/", {"name": "First"})
    scene.done("PATCH", f"customer-groups/{made['id']}/", {"name": "Second"})
    changes = {"name": {"from": "First", "to": "Second"}}
    return ExpectedEvent(scene.admin, scene.row(CustomerGroup, made["id"]), {"changes": changes})


@row("customer_added")
def customer_added(scene):
    made = scene.post("customers/", {"name": "Ann", "email": "ann@till.example"})
    return ExpectedEvent(scene.admin, scene.row(Customer, made["id"]))


@row("customer_changed")
def customer_changed(scene):
    made = scene.post("customers/", {"name": "Ann"})
    scene.done("PATCH", f"customers/{made['id']}/", {"name": "Bea", "phone": "030 123456"})
    facts = {"fields": ["name", "phone"]}
    return ExpectedEvent(scene.admin, scene.row(Customer, made["id"]), facts)


@row("customer_erased")
def customer_erased(scene):
    made = scene.post("customers/", {"name": "Ann"})
    scene.post(f"customers/{made['id']}/erase/", {"name": "Ann"})
    return ExpectedEvent(scene.admin, scene.row(Customer, made["id"]), {"orders": 0})
