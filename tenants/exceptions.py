"""Domain exceptions, independent of HTTP. `config.problems` maps them to statuses."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field, by its path (`lines[0].quantity`); `row` is set for uploaded files."""

    field: str
    code: str
    detail: str
    row: int | None = None


class DomainError(Exception):
    """A violated business rule, with a stable `code` and facts for the response body."""

    code: ClassVar[str] = "refused"
    message: ClassVar[str] = "This action is not allowed."

    def __init__(self, *, errors: tuple[FieldError, ...] = (), **facts: Any) -> None:
        self.facts = facts
        self.errors = errors
        super().__init__(self.message.format(**facts))


class Invalid(DomainError):
    """Invalid input; `errors` names the fields."""

    code = "invalid"
    message = "The input is invalid."

    @classmethod
    def field(cls, field: str, detail: str, *, code: str = "invalid") -> "Invalid":
        return cls(errors=(FieldError(field, code, detail),))

    def nested_under(self, path: str) -> "Invalid":
        """Return the same error with `path` prepended to each field."""
        return Invalid(
            errors=tuple(
                FieldError(f"{path}.{error.field}", error.code, error.detail)
                for error in self.errors
            )
        )


class Conflict(DomainError):
    """The request is valid, but conflicts with the current state."""


class NotPermitted(DomainError):
    """The user lacks the permission."""

    code = "permission_denied"
    message = "You do not have permission for this action."


class NotAuthenticated(DomainError):
    """The request carries no valid credentials."""

    code = "not_authenticated"
    message = "Authentication is required."


class NotFound(DomainError):
    """No such row in this tenant. Rows of other tenants are reported the same way."""

    code = "not_found"
    message = "Not found."


class VersionConflict(DomainError):
    """The row was changed after the client read it."""

    code = "version_conflict"
    message = "This was changed after you read it. The current version is {current}."


class TooLarge(DomainError):
    """The request exceeds a size limit, which the facts state."""

    code = "too_large"
    message = "The request is too large."


class TooManyRequests(DomainError):
    """Rate limit exceeded; `retry_after` is the wait in seconds."""

    code = "too_many_requests"
    message = "Too many requests."


class Unavailable(DomainError):
    """Temporarily unavailable; `retry_after` is the wait in seconds."""

    code = "unavailable"
    message = "Temporarily unavailable. Try again."


class NotInstalled(DomainError):
    """A feature that needs software which is not installed on this server."""

    code = "not_here"
    message = "This feature is not installed on this server."


class PreconditionRequired(DomainError):
    """A change without the version that it is based on."""

    code = "if_match_required"
    message = 'Send If-Match with the version that you read, such as "3", or *.'


class IdConflict(Conflict):
    code = "id_conflict"
    message = "This id is already in use for another object."


class AlreadyExists(Conflict):
    """A unique value belongs to another row; `errors` names the fields."""

    code = "already_exists"
    message = "An object with these values already exists."


class IdempotencyKeyInvalid(DomainError):
    code = "idempotency_key_invalid"
    message = "An Idempotency-Key must have 1 to 255 visible ASCII characters."


class IdempotencyKeyRequired(DomainError):
    code = "idempotency_key_required"
    message = "Send an Idempotency-Key, or an id in the body, so that a retry has no second effect."


class IdempotencyKeyReused(DomainError):
    """The same key with another request: a mistake of the client."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used for another request."


class RequestInProgress(Conflict):
    code = "request_in_progress"
    message = "The same request is still in progress. Repeat it later to get its response."


class SlugTaken(Conflict):
    code = "slug_taken"
    message = "This name is already taken."


class CurrencyFixed(Conflict):
    code = "currency_fixed"
    message = "This shop already has orders in {currency}. The currency can no longer be changed."


class DeliveryNotFailed(Conflict):
    code = "delivery_not_dead"
    message = "This delivery is {delivery_status}. Only failed deliveries can be retried."


class ChangesGone(DomainError):
    """The position is older than the retention period, or was never assigned."""

    code = "changes_gone"
    message = "Changes after {after} are no longer available. Reload all data, then continue."


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"
    message = "A shop can have at most {maximum} webhooks."


class WebhookDisabled(Conflict):
    code = "webhook_off"
    message = "This webhook is disabled. Enable it first."


class NoTenantScope(RuntimeError):
    """A query on tenant rows outside of a tenant scope: a programming error."""
