"""The audit events of bookkeeping profiles."""

from orders.models import BookkeepingProfile
from tests.support.audit_table.scene import ExpectedEvent, row


def add_profile(scene):
    numbers = {"consultant_number": 29098, "client_number": 55003}
    return scene.post("bookkeeping-profiles/", {"store": str(scene.store.pk), **numbers})


@row("bookkeeping_profile_added")
def bookkeeping_profile_added(scene):
    made = add_profile(scene)
    return ExpectedEvent(scene.admin, scene.row(BookkeepingProfile, made["id"]))


@row("bookkeeping_profile_changed")
def bookkeeping_profile_changed(scene):
    made = add_profile(scene)
    scene.done("PATCH", f"bookkeeping-profiles/{made['id']}/", {"cash_account": "1000"})
    changes = {"cash_account": {"from": "", "to": "1000"}}
    return ExpectedEvent(
        scene.admin, scene.row(BookkeepingProfile, made["id"]), {"changes": changes}
    )
