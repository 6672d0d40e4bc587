"""Responses to paired terminals match the OpenAPI document."""

from tests.architecture.test_schema import ensure_documented
from tests.factories.accounts import PASSWORD
from tests.support.api import Api
from tests.support.terminals import PIN, give_pin


def test_terminal_responses_are_documented(admin_client, cashier, register):
    path = f"registers/{register.pk}/"
    paired = admin_client.post(f"{path}pair/")
    ensure_documented(paired, "post", "register-pair")
    give_pin(cashier)
    pin_pad = Api(X_Terminal_Token=paired.json()["terminal_token"])
    ensure_documented(pin_pad.get("auth/pin/users/"), "get", "pin-users")
    entered = pin_pad.post("auth/pin/", {"user": str(cashier.pk), "pin": PIN})
    ensure_documented(entered, "post", "pin")
    till = Api(entered.json()["access"])
    ensure_documented(till.get("auth/sessions/"), "get", "session-list")
    ensure_documented(till.post("auth/reauth/", {"pin": PIN}), "post", "reauth")
    body = {"tenant": cashier.tenant.slug, "username": "c1", "password": PASSWORD}
    ensure_documented(pin_pad.post("auth/token/", body), "post", "token")
    ensure_documented(admin_client.post(f"{path}unpair/"), "post", "register-unpair")
