"""Every way in which the house says no, before anybody speaks of HTTP."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of an input, by its path: `lines[0].quantity`; of a file also its row."""

    field: str
    code: str
    detail: str
    row: int | None = None


class DomainError(Exception):
    """A business rule said no. Has a stable code and facts; knows nothing about HTTP."""

    code: ClassVar[str] = "refused"
    message: ClassVar[str] = "This is not possible."

    def __init__(self, *, errors: tuple[FieldError, ...] = (), **facts: Any) -> None:
        self.facts = facts
        self.errors = errors
        super().__init__(self.message.format(**facts))


class Invalid(DomainError):
    """Some input is wrong; `errors` names the fields."""

    code = "invalid"
    message = "Some input is wrong."

    @classmethod
    def field(cls, field: str, detail: str, *, code: str = "invalid") -> "Invalid":
        return cls(errors=(FieldError(field, code, detail),))

    def nested_under(self, path: str) -> "Invalid":
        """The same refusal of an input that was part of a larger one."""
        return Invalid(
            errors=tuple(
                FieldError(f"{path}.{error.field}", error.code, error.detail)
                for error in self.errors
            )
        )


class Conflict(DomainError):
    """The request makes sense, but not in the present state."""


class NotPermitted(DomainError):
    """Not for this person."""

    code = "permission_denied"
    message = "You may not do this."


class NotAuthenticated(DomainError):
    """Nobody knows who is asking."""

    code = "not_authenticated"
    message = "Log in first."


class NotFound(DomainError):
    """There is no such thing here, or it belongs to another shop: nobody can tell which."""

    code = "not_found"
    message = "Not found."


class VersionConflict(DomainError):
    """Somebody changed the thing since it was read."""

    code = "version_conflict"
    message = "This has changed since you read it: it is at version {current} now."


class TooLarge(DomainError):
    """More than one request may bring; the facts say how much may."""

    code = "too_large"
    message = "The request is too large."


class TooManyRequests(DomainError):
    """Not so often; `retry_after` says in how many seconds."""

    code = "too_many_requests"
    message = "Too many requests."


class Unavailable(DomainError):
    """Not at this moment, through no fault of who asks; `retry_after` says when to try again."""

    code = "unavailable"
    message = "Not possible at this moment: try again."


class NotInstalled(DomainError):
    """This installation cannot do it: something that it needs is not installed."""

    code = "not_here"
    message = "This server cannot do this."


class PreconditionRequired(DomainError):
    """A change must say from which version it starts."""

    code = "if_match_required"
    message = 'Send If-Match with the version that you read, for example "3", or *.'


class IdConflict(Conflict):
    code = "id_conflict"
    message = "This id is already used for something else."


class IdempotencyKeyInvalid(DomainError):
    code = "idempotency_key_invalid"
    message = "An Idempotency-Key has 1 to 255 visible ASCII characters."


class IdempotencyKeyRequired(DomainError):
    code = "idempotency_key_required"
    message = "Send an Idempotency-Key or an id of your own: repeated, the request acts once."


class IdempotencyKeyReused(DomainError):
    """A mistake of the client, who would take the answer to one request for that to another."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request."


class RequestInProgress(Conflict):
    code = "request_in_progress"
    message = "The same request is being done at this moment: ask again for its answer."


class SlugTaken(Conflict):
    code = "slug_taken"
    message = "This name is taken."


class CurrencyFixed(Conflict):
    code = "currency_fixed"
    message = "This shop has orders in {currency}; its currency cannot change any more."


class DeliveryNotDead(Conflict):
    code = "delivery_not_dead"
    message = "This delivery is {delivery_status}: only what was given up is tried again."


class ChangesGone(DomainError):
    """What came after the reader's place is deleted for its age, or never was."""

    code = "changes_gone"
    message = "Changes after {after} are not kept any more: load everything anew, then read on."


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    message = "A shop has at most {most} webhooks."


class WebhookDisabled(Conflict):
    code = "webhook_off"
    message = "This webhook is switched off: switch it on first."


class NoTenantScope(RuntimeError):
    """Code touched a shop's rows without saying whose: a bug, never a refusal."""
