"""Audit events of users, log-ins, PINs, terminals and approvals."""

from datetime import timedelta
from io import StringIO
from unittest.mock import patch

import time_machine
from django.core.management import call_command
from django.utils import timezone

from accounts.models import Approval
from accounts.services.users import set_activation
from tenants import audit
from tests.factories.accounts import PASSWORD
from tests.support.api import Person
from tests.support.audit_table.scene import PLATFORM, ExpectedEvent, Scene, anonymous, row
from tests.support.forged_tokens import build_claims, sign_token
from tests.support.terminals import PIN, WRONG_PIN, PairedTerminal, give_pin
from tests.support.token_refresh import MORNING, REFRESH

LOG_IN = "auth/token/"
NEW_PASSWORD = "eleven blue bottles in a row"


def credentials(scene: Scene, **changes: str) -> dict[str, str]:
    own = {"tenant": scene.shop.slug, "username": scene.cashier.username, "password": PASSWORD}
    return own | changes


# --- log-ins and log-outs ----------------------------------------------------------------------


@row("log_in_ok")
def log_in_ok(scene):
    scene.post(LOG_IN, credentials(scene), anonymous())
    return ExpectedEvent(scene.cashier, None, {"method": "pwd"})


@row("log_in_failed")
def log_in_failed(scene):
    wrong = anonymous().post(LOG_IN, credentials(scene, password="wrong"))
    scene.refused(wrong, 401, "invalid_credentials")
    return ExpectedEvent(scene.cashier, None, {"reason": "wrong_password"})


@row("too_many_attempts")
def too_many_attempts(scene):
    with time_machine.travel(MORNING, tick=False):
        for _ in range(6):
            anonymous().post(LOG_IN, credentials(scene, password="wrong"))
    facts = {"limit": "log_in_user", "waits_until": "2026-03-02T08:00:02Z"}
    return ExpectedEvent(scene.cashier, None, facts)


@row("log_out")
def log_out(scene):
    scene.post("auth/logout/", by=scene.cashier_client)
    return ExpectedEvent(scene.cashier, None)


@row("log_out_everywhere")
def log_out_everywhere(scene):
    Person(scene.cashier)
    scene.post("auth/logout-all/", by=scene.cashier_client)
    return ExpectedEvent(scene.cashier, None, {"sessions": 2})


@row("session_ended")
def session_ended(scene):
    other = Person(scene.cashier).session
    scene.done("DELETE", f"auth/sessions/{other.pk}/", by=scene.cashier_client)
    return ExpectedEvent(scene.cashier, other)


@row("sessions_ended")
def sessions_ended(scene):
    scene.done("DELETE", f"users/{scene.cashier.pk}/sessions/")
    return ExpectedEvent(scene.admin, scene.cashier, {"sessions": 1})


@row("reauth_ok")
def reauth_ok(scene):
    scene.post("auth/reauth/", {"password": PASSWORD}, scene.cashier_client)
    return ExpectedEvent(scene.cashier, None, {"method": "pwd"})


@row("reauth_failed")
def reauth_failed(scene):
    wrong = scene.cashier_client.post("auth/reauth/", {"password": "wrong"})
    scene.refused(wrong, 400, "invalid")
    return ExpectedEvent(scene.cashier, None, {"reason": "wrong_password"})


@row("refresh_reuse")
def refresh_reuse(scene):
    token = scene.cashier_client.tokens.refresh
    scene.post(REFRESH, {"refresh": token}, anonymous())
    with time_machine.travel(timezone.now() + timedelta(minutes=1), tick=False):
        again = anonymous().post(REFRESH, {"refresh": token})
    scene.refused(again, 401, "token_not_valid")
    return ExpectedEvent(scene.cashier, None)


@row("token_mismatch")
def token_mismatch(scene):
    forged = sign_token(build_claims(scene.cashier_client, sub=str(scene.manager.pk)))
    scene.refused(Person.get(with_token(forged), "auth/me/"), 401, "token_not_valid")
    return ExpectedEvent(scene.cashier, None)


def with_token(access):
    api = anonymous()
    api.defaults["Authorization"] = f"Bearer {access}"
    return api


@row("tenant_mismatch")
def tenant_mismatch(scene):
    elsewhere = scene.cashier_client.get("auth/me/", X_Tenant_ID="other")
    assert elsewhere.status_code == 403
    return ExpectedEvent(scene.cashier, None, {"named": "other"})


@row("permission_denied")
def permission_denied(scene):
    denied = scene.cashier_client.patch("tenant/", {"name": "Mine"}, If_Match="*")
    scene.refused(denied, 403, "permission_denied")
    return ExpectedEvent(scene.cashier, None, {"method": "PATCH", "path": "/api/v1/tenant/"})


# --- users -------------------------------------------------------------------------------------


@row("user_created")
def user_created(scene):
    made = scene.post("users/", {"username": "new", "role": "manager"})
    return ExpectedEvent(scene.admin, scene.row(type(scene.admin), made["id"]), {"role": "manager"})


@row("user_edited")
def user_edited(scene):
    scene.done("PATCH", f"users/{scene.cashier.pk}/", {"email": "new@green.example"})
    return ExpectedEvent(scene.admin, scene.cashier, {"fields": ["email"]})


@row("role_changed")
def role_changed(scene):
    scene.done("PUT", f"users/{scene.cashier.pk}/role/", {"role": "manager"}, If_Match="*")
    return ExpectedEvent(scene.admin, scene.cashier, {"from": "cashier", "to": "manager"})


@row("user_deactivated")
def user_deactivated(scene):
    """Recorded for the shop without the platform user, and for the platform with the user."""
    with scene.in_shop():
        set_activation(user_id=scene.cashier.pk, active=False, by=scene.root)
    return [
        ExpectedEvent(scene.root, scene.cashier, {"shop": scene.shop.slug}, shop=False),
        ExpectedEvent(None, scene.cashier, name=PLATFORM),
    ]


@row("user_activated")
def user_activated(scene):
    scene.done("DELETE", f"users/{scene.cashier.pk}/activation/", If_Match="*")
    scene.done("PUT", f"users/{scene.cashier.pk}/activation/", If_Match="*")
    return ExpectedEvent(scene.admin, scene.cashier)


@row("password_reset")
def password_reset(scene):
    """By an admin, and for a platform user on the command line."""
    scene.post(f"users/{scene.cashier.pk}/reset-password/")
    with patch("getpass.getpass", return_value=NEW_PASSWORD):
        call_command("changepassword", scene.root.username, stdout=StringIO())
    return [ExpectedEvent(scene.admin, scene.cashier), ExpectedEvent(None, scene.root, shop=False)]


@row("password_changed")
def password_changed(scene):
    Person(scene.cashier)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    scene.done("PUT", "auth/password/", change, scene.cashier_client)
    return ExpectedEvent(scene.cashier, scene.cashier, {"sessions": 1})


@row("password_change_failed")
def password_change_failed(scene):
    change = {"current_password": "wrong", "new_password": NEW_PASSWORD}
    scene.refused(scene.cashier_client.put("auth/password/", change), 400, "invalid")
    return ExpectedEvent(scene.cashier, None, {"reason": "wrong_password"})


# --- PINs and terminals ------------------------------------------------------------------------


@row("pin_set")
def pin_set(scene):
    scene.done("PUT", f"users/{scene.cashier.pk}/pin/", {"pin": PIN}, If_Match="*")
    return ExpectedEvent(scene.admin, scene.cashier)


@row("pin_removed")
def pin_removed(scene):
    give_pin(scene.cashier)
    scene.done("DELETE", f"users/{scene.cashier.pk}/pin/", If_Match="*")
    return ExpectedEvent(scene.admin, scene.cashier)


@row("pin_log_in")
def pin_log_in(scene):
    give_pin(scene.cashier)
    pin_pad = PairedTerminal(scene.till.register, scene.manager)
    assert pin_pad.enter(scene.cashier).status_code == 200
    return ExpectedEvent(scene.cashier, None, {"register": str(scene.till.register.pk)})


@row("pin_failed")
def pin_failed(scene):
    give_pin(scene.cashier)
    pin_pad = PairedTerminal(scene.till.register, scene.manager)
    scene.refused(pin_pad.enter(scene.cashier, WRONG_PIN), 401, "invalid_credentials")
    facts = {"terminal": str(pin_pad.terminal.pk), "user": str(scene.cashier.pk), "way": "log_in"}
    return ExpectedEvent(scene.cashier, scene.till.register, facts)


@row("session_switched")
def session_switched(scene):
    pin_pad = PairedTerminal(scene.till.register, scene.manager)
    for person in (scene.cashier, scene.manager):
        give_pin(person)
        pin_pad.till_of(person)
    return ExpectedEvent(scene.manager, scene.cashier, {"register": scene.till.register.name})


@row("terminal_paired")
def terminal_paired(scene):
    terminal = scene.paired()
    return ExpectedEvent(scene.admin, scene.till.register, {"terminal": str(terminal.pk)})


@row("pairing_code_made")
def pairing_code_made(scene):
    scene.post(f"registers/{scene.till.register.pk}/pairing-codes/")
    return ExpectedEvent(scene.admin, scene.till.register)


@row("pairing_code_failed")
def pairing_code_failed(scene):
    body = {"pairing_code": "BCDF-GHJK"}
    scene.refused(anonymous().post("auth/pair/", body), 401, "pairing_code_invalid")
    return ExpectedEvent(None, None, name=audit.hash_name("BCDF-GHJK"), shop=False)


@row("terminal_unpaired")
def terminal_unpaired(scene):
    terminal = scene.paired()
    scene.post(f"registers/{scene.till.register.pk}/unpair/")
    return ExpectedEvent(scene.admin, scene.till.register, {"terminal": str(terminal.pk)})


# --- approvals ---------------------------------------------------------------------------------


def request_void(scene):
    """Request an approval of a void; return the facts that every event of it has."""
    order = scene.cashier_client.post("orders/", scene.basket(), Idempotency_Key="order").json()[
        "id"
    ]
    about = {"action": "void", "object": {"order": order}}
    approval = scene.post("approvals/", about, scene.cashier_client)["id"]
    return approval, order, about | {"amount": None}


@row("approval_requested")
def approval_requested(scene):
    approval, _, facts = request_void(scene)
    return ExpectedEvent(scene.cashier, scene.row(Approval, approval), facts)


@row("approval_given")
def approval_given(scene):
    approval, _, facts = request_void(scene)
    scene.post(f"approvals/{approval}/approve/", by=scene.manager_client)
    facts["requested_by"] = str(scene.cashier.pk)
    return ExpectedEvent(scene.manager, scene.row(Approval, approval), facts)


@row("approval_denied")
def approval_denied(scene):
    approval, _, facts = request_void(scene)
    scene.post(f"approvals/{approval}/deny/", by=scene.manager_client)
    facts["requested_by"] = str(scene.cashier.pk)
    return ExpectedEvent(scene.manager, scene.row(Approval, approval), facts)


@row("approval_failed")
def approval_failed(scene):
    approval, _, facts = request_void(scene)
    given = {"username": scene.manager.username, "password": "wrong"}
    scene.refused(
        scene.cashier_client.post(f"approvals/{approval}/approve/", given),
        401,
        "invalid_credentials",
    )
    facts |= {"named": str(scene.manager.pk), "reason": "wrong_password"}
    return ExpectedEvent(scene.cashier, scene.row(Approval, approval), facts)


@row("approval_used")
def approval_used(scene):
    approval, order, facts = request_void(scene)
    scene.post(f"approvals/{approval}/approve/", by=scene.manager_client)
    scene.post(
        f"orders/{order}/void/", {"reason": "Left", "approval": approval}, scene.cashier_client
    )
    facts["approver"] = str(scene.manager.pk)
    return ExpectedEvent(scene.cashier, scene.row(Approval, approval), facts)
