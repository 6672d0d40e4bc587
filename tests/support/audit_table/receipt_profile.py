"""Audit events of receipt profiles."""

from orders.models import ReceiptProfile
from tests.support.audit_table.scene import ExpectedEvent, row


@row("receipt_profile_saved")
def receipt_profile_saved(scene):
    store = scene.till.register.store
    made = scene.post("receipt-profiles/", {"store": str(store.pk), "legal_name": "Acme Ltd"})
    facts = {"store": store.name, "version": 1, "hash": made["hash"]}
    return ExpectedEvent(scene.admin, scene.row(ReceiptProfile, made["id"]), facts)
