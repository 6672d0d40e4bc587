"""Paired terminals and PIN log-ins."""

from typing import Any

from accounts.models import AuthSession, Pin, Posting, Terminal, User
from tenants.models import AuditEvent, Register, Store
from tenants.scope import across_tenants, tenant_scope
from tests.support.api import Api

PIN, OTHER_PIN, WRONG_PIN = "482915", "730164", "591837"
PIN_LOGIN, PIN_USERS = "auth/pin/", "auth/pin/users/"


def give_pin(user: User, digits: str = PIN) -> Pin:
    with tenant_scope(user.tenant):
        pin = Pin(user=user)
        pin.set_digits(digits)
        pin.save(force_insert=True)
    return pin


class PairedTerminal(Api):
    """A client of a paired terminal, which sends its token with every request."""

    def __init__(self, register: Register, by: User) -> None:
        with tenant_scope(register.tenant):
            self.terminal = Terminal(register=register, paired_by=by)
            self.token = self.terminal.make_token()
            self.terminal.save(force_insert=True)
        super().__init__(X_Terminal_Token=self.token)

    def enter(self, user: User, pin: Any = PIN, **headers: str) -> Any:
        return self.post(PIN_LOGIN, {"user": str(user.pk), "pin": pin}, **headers)

    def till_of(self, user: User, pin: str = PIN) -> Api:
        """Log in with a PIN and return the client."""
        response = self.enter(user, pin)
        assert response.status_code == 200, response.content
        return Api(response.json()["access"])


def assign_to_store(user: User, store: Store) -> None:
    with tenant_scope(user.tenant):
        Posting(user=user, store=store).save(force_insert=True)


def close_place(place: Register | Store) -> None:
    with across_tenants():
        type(place).objects.filter(pk=place.pk).update(is_active=False)


def snapshot_pins() -> list[dict[str, Any]]:
    """Return all columns of all PINs, to check that nothing changed."""
    with across_tenants():
        return list(Pin.objects.order_by("pk").values())


def last_session() -> AuthSession:
    with across_tenants():
        return AuthSession.objects.latest("created_at", "pk")


def list_end_reasons() -> list[str]:
    """Return the end reasons of ended sessions in order of creation."""
    with across_tenants():
        ended = AuthSession.objects.exclude(revoked_at=None).order_by("created_at", "pk")
        return list(ended.values_list("revoke_reason", flat=True))


def list_terminal_events(*events: str) -> list[AuditEvent]:
    with across_tenants():
        return list(AuditEvent.objects.filter(event__in=events).order_by("created_at", "pk"))
