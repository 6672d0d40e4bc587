"""Paired devices, and those who stand before their PIN pads."""

from typing import Any

from accounts.models import AuthSession, Pin, Posting, Terminal, User
from tenants.models import AuditEvent, Register, Store
from tenants.scope import across_tenants, tenant_scope
from tests.support.api import Api

PIN, OTHER_PIN, WRONG_PIN = "482915", "730164", "591837"
PAD, PAD_USERS = "auth/pin/", "auth/pin/users/"


def give_pin(user: User, digits: str = PIN) -> Pin:
    with tenant_scope(user.tenant):
        pin = Pin(user=user)
        pin.set_digits(digits)
        pin.save(force_insert=True)
    return pin


class PinPad(Api):
    """A device paired with a register, which sends its token with all that it asks."""

    def __init__(self, register: Register, by: User) -> None:
        with tenant_scope(register.tenant):
            self.terminal = Terminal(register=register, paired_by=by)
            self.token = self.terminal.make_token()
            self.terminal.save(force_insert=True)
        super().__init__(X_Terminal_Token=self.token)

    def enter(self, user: User, pin: Any = PIN, **headers: str) -> Any:
        return self.post(PAD, {"user": str(user.pk), "pin": pin}, **headers)

    def till_of(self, user: User, pin: str = PIN) -> Api:
        """The till once this person has entered their PIN."""
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
    """Every column of every PIN, to see that nothing changed."""
    with across_tenants():
        return list(Pin.objects.order_by("pk").values())


def last_session() -> AuthSession:
    with across_tenants():
        return AuthSession.objects.latest("created_at", "pk")


def list_end_reasons() -> list[str]:
    """Why sessions ended, in the order in which they began."""
    with across_tenants():
        ended = AuthSession.objects.exclude(revoked_at=None).order_by("created_at", "pk")
        return list(ended.values_list("revoke_reason", flat=True))


def list_terminal_event_names(*events: str) -> list[AuditEvent]:
    with across_tenants():
        return list(AuditEvent.objects.filter(event__in=events).order_by("created_at", "pk"))
