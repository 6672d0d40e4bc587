"""People, log-ins, PINs, terminals and approvals."""

from datetime import timedelta
from io import StringIO
from unittest.mock import patch

import time_machine
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Approval
from accounts.services.users import set_activation
from tests.factories.accounts import PASSWORD
from tests.support.api import Person
from tests.support.audit_table.scene import PLATFORM, Scene, Written, anonymous, row
from tests.support.forged_tokens import build_claims, sign_token
from tests.support.terminals import PIN, WRONG_PIN, PinPad, give_pin
from tests.support.token_refresh import MORNING, REFRESH

LOG_IN = "auth/token/"
NEW_PASSWORD = "eleven blue bottles in a row"


def credentials(scene: Scene, **changes: str) -> dict[str, str]:
    own = {"tenant": scene.shop.slug, "username": scene.cashier.username, "password": PASSWORD}
    return own | changes


# --- coming in and going ------------------------------------------------------------------------


@row("log_in_ok")
def log_in_ok(scene):
    scene.post(LOG_IN, credentials(scene), anonymous())
    return Written(scene.cashier, None, {"method": "pwd"})


@row("log_in_failed")
def log_in_failed(scene):
    wrong = anonymous().post(LOG_IN, credentials(scene, password="wrong"))
    scene.refused(wrong, 401, "invalid_credentials")
    return Written(scene.cashier, None, {"reason": "wrong_password"})


@row("too_many_attempts")
def too_many_attempts(scene):
    with time_machine.travel(MORNING, tick=False):
        for _ in range(6):
            anonymous().post(LOG_IN, credentials(scene, password="wrong"))
    facts = {"limit": "log_in_user", "waits_until": "2026-03-02T08:00:02Z"}
    return Written(scene.cashier, None, facts)


@row("log_out")
def log_out(scene):
    scene.post("auth/logout/", by=scene.small)
    return Written(scene.cashier, None)


@row("log_out_everywhere")
def log_out_everywhere(scene):
    Person(scene.cashier)
    scene.post("auth/logout-all/", by=scene.small)
    return Written(scene.cashier, None, {"sessions": 2})


@row("session_ended")
def session_ended(scene):
    other = Person(scene.cashier).session
    scene.done("DELETE", f"auth/sessions/{other.pk}/", by=scene.small)
    return Written(scene.cashier, other)


@row("sessions_ended")
def sessions_ended(scene):
    scene.done("DELETE", f"users/{scene.cashier.pk}/sessions/")
    return Written(scene.admin, scene.cashier, {"sessions": 1})


@row("reauth_ok")
def reauth_ok(scene):
    scene.post("auth/reauth/", {"password": PASSWORD}, scene.small)
    return Written(scene.cashier, None, {"method": "pwd"})


@row("reauth_failed")
def reauth_failed(scene):
    wrong = scene.small.post("auth/reauth/", {"password": "wrong"})
    scene.refused(wrong, 400, "invalid")
    return Written(scene.cashier, None, {"reason": "wrong_password"})


@row("refresh_reuse")
def refresh_reuse(scene):
    token = scene.small.tokens.refresh
    scene.post(REFRESH, {"refresh": token}, anonymous())
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        again = anonymous().post(REFRESH, {"refresh": token})
    scene.refused(again, 401, "token_not_valid")
    return Written(scene.cashier, None)


@row("token_mismatch")
def token_mismatch(scene):
    forged = sign_token(build_claims(scene.small, sub=str(scene.manager.pk)))
    scene.refused(Person.get(with_token(forged), "auth/me/"), 401, "token_not_valid")
    return Written(scene.cashier, None)


def with_token(access):
    api = anonymous()
    api.defaults["Authorization"] = f"Bearer {access}"
    return api


@row("tenant_mismatch")
def tenant_mismatch(scene):
    elsewhere = scene.small.get("auth/me/", X_Tenant_ID="other")
    assert elsewhere.status_code == 403
    return Written(scene.cashier, None, {"named": "other"})


@row("permission_denied")
def permission_denied(scene):
    denied = scene.small.patch("tenant/", {"name": "Mine"}, If_Match="*")
    scene.refused(denied, 403, "permission_denied")
    return Written(scene.cashier, None, {"method": "PATCH", "path": "/api/v1/tenant/"})


# --- people -------------------------------------------------------------------------------------


@row("user_created")
def user_created(scene):
    made = scene.post("users/", {"username": "new", "role": "manager"})
    return Written(scene.admin, scene.row(type(scene.admin), made["id"]), {"role": "manager"})


@row("user_edited")
def user_edited(scene):
    scene.done("PATCH", f"users/{scene.cashier.pk}/", {"email": "new@green.example"})
    return Written(scene.admin, scene.cashier, {"fields": ["email"]})


@row("role_changed")
def role_changed(scene):
    scene.done("PUT", f"users/{scene.cashier.pk}/role/", {"role": "manager"}, If_Match="*")
    return Written(scene.admin, scene.cashier, {"from": "cashier", "to": "manager"})


@row("user_deactivated")
def user_deactivated(scene):
    """By the platform: the shop learns what was done to it, and the platform alone by whom."""
    with scene.in_shop():
        set_activation(user_id=scene.cashier.pk, active=False, by=scene.root)
    return [
        Written(scene.root, scene.cashier, {"shop": scene.shop.slug}, shop=False),
        Written(None, scene.cashier, name=PLATFORM),
    ]


@row("user_activated")
def user_activated(scene):
    scene.done("DELETE", f"users/{scene.cashier.pk}/activation/", If_Match="*")
    scene.done("PUT", f"users/{scene.cashier.pk}/activation/", If_Match="*")
    return Written(scene.admin, scene.cashier)


@row("password_reset")
def password_reset(scene):
    """By an admin, and of somebody of the platform on the command line."""
    scene.post(f"users/{scene.cashier.pk}/reset-password/")
    with patch("getpass.getpass", return_value=NEW_PASSWORD):
        call_command("changepassword", scene.root.username, stdout=StringIO())
    return [Written(scene.admin, scene.cashier), Written(None, scene.root, shop=False)]


@row("password_changed")
def password_changed(scene):
    Person(scene.cashier)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    scene.done("PUT", "auth/password/", change, scene.small)
    return Written(scene.cashier, scene.cashier, {"sessions": 1})


@row("password_change_failed")
def password_change_failed(scene):
    change = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    scene.refused(scene.small.put("auth/password/", change), 400, "invalid")
    return Written(scene.cashier, None, {"reason": "wrong_password"})


# --- PINs and terminals -------------------------------------------------------------------------


@row("pin_set")
def pin_set(scene):
    scene.done("PUT", f"users/{scene.cashier.pk}/pin/", {"pin": PIN}, If_Match="*")
    return Written(scene.admin, scene.cashier)


@row("pin_removed")
def pin_removed(scene):
    give_pin(scene.cashier)
    scene.done("DELETE", f"users/{scene.cashier.pk}/pin/", If_Match="*")
    return Written(scene.admin, scene.cashier)


@row("pin_log_in")
def pin_log_in(scene):
    give_pin(scene.cashier)
    pin_pad = PinPad(scene.till.register, scene.manager)
    assert pin_pad.enter(scene.cashier).status_code == 200
    return Written(scene.cashier, None, {"register": str(scene.till.register.pk)})


@row("pin_failed")
def pin_failed(scene):
    give_pin(scene.cashier)
    pin_pad = PinPad(scene.till.register, scene.manager)
    scene.refused(pin_pad.enter(scene.cashier, WRONG_PIN), 401, "invalid_credentials")
    facts = {"terminal": str(pin_pad.terminal.pk), "user": str(scene.cashier.pk), "way": "log_in"}
    return Written(scene.cashier, scene.till.register, facts)


@row("session_switched")
def session_switched(scene):
    pin_pad = PinPad(scene.till.register, scene.manager)
    for person in (scene.cashier, scene.manager):
        give_pin(person)
        pin_pad.till_of(person)
    return Written(scene.manager, scene.cashier, {"register": scene.till.register.name})


@row("terminal_paired")
def terminal_paired(scene):
    terminal = scene.paired()
    return Written(scene.admin, scene.till.register, {"terminal": str(terminal.pk)})


@row("terminal_unpaired")
def terminal_unpaired(scene):
    terminal = scene.paired()
    scene.post(f"registers/{scene.till.register.pk}/unpair/")
    return Written(scene.admin, scene.till.register, {"terminal": str(terminal.pk)})


# --- approvals ----------------------------------------------------------------------------------


def asked(scene):
    """A cashier's request for a void; returns the facts that every event of it has."""
    order = scene.small.post("orders/", scene.basket(), Idempotency_Key="order").json()["id"]
    about = {"action": "void", "object": {"order": order}}
    approval = scene.post("approvals/", about, scene.small)["id"]
    return approval, order, about | {"amount": None}


@row("approval_requested")
def approval_requested(scene):
    approval, _, facts = asked(scene)
    return Written(scene.cashier, scene.row(Approval, approval), facts)


@row("approval_given")
def approval_given(scene):
    approval, _, facts = asked(scene)
    scene.post(f"approvals/{approval}/approve/", by=scene.manager_client)
    facts["requested_by"] = str(scene.cashier.pk)
    return Written(scene.manager, scene.row(Approval, approval), facts)


@row("approval_denied")
def approval_denied(scene):
    approval, _, facts = asked(scene)
    scene.post(f"approvals/{approval}/deny/", by=scene.manager_client)
    facts["requested_by"] = str(scene.cashier.pk)
    return Written(scene.manager, scene.row(Approval, approval), facts)


@row("approval_failed")
def approval_failed(scene):
    approval, _, facts = asked(scene)
    given = {"username": scene.manager.username, "password": "wrong"}
    scene.refused(
        scene.small.post(f"approvals/{approval}/approve/", given), 401, "invalid_credentials"
    )
    facts |= {"named": str(scene.manager.pk), "reason": "wrong_password"}
    return Written(scene.cashier, scene.row(Approval, approval), facts)


@row("approval_used")
def approval_used(scene):
    approval, order, facts = asked(scene)
    scene.post(f"approvals/{approval}/approve/", by=scene.manager_client)
    scene.post(f"orders/{order}/void/", {"reason": "Left", "approval": approval}, scene.small)
    facts["approver"] = str(scene.manager.pk)
    return Written(scene.cashier, scene.row(Approval, approval), facts)
