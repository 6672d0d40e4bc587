"""Domain exceptions of log-in, sessions, users, terminals and approvals."""

from tenants.exceptions import (
    Conflict,
    DomainError,
    FieldError,
    Invalid,
    NotAuthenticated,
    NotPermitted,
    TooManyRequests,
    Unavailable,
)


class InvalidCredentials(NotAuthenticated):
    """The same answer for every reason, so that it does not reveal which users exist."""

    code = "invalid_credentials"
    message = "Invalid credentials or inactive account."


class ManagersOnly(NotPermitted):
    """A cashier tried to log in to the admin site. Raised only after a correct password."""

    code = "managers_only"
    message = "Only managers and admins can log in here. Cashiers log in at a register."


class WrongPassword(Invalid):
    """The current password does not match. The attempt is counted."""

    def __init__(self) -> None:
        error = FieldError("current_password", "wrong_password", "Wrong password.")
        super().__init__(errors=(error,))


class TokenNotValid(NotAuthenticated):
    code = "token_not_valid"
    message = "The token is invalid or has expired."


class InsufficientAuthentication(NotAuthenticated):
    """The session was authenticated too long ago (RFC 9470). `max_age` is in seconds."""

    code = "insufficient_user_authentication"
    message = "Authenticate again with POST /api/v1/auth/reauth/."


class TerminalNotPaired(NotAuthenticated):
    """The same answer for a missing, revoked or foreign terminal token."""

    code = "terminal_not_paired"
    message = "This device is not paired with a register. Send X-Terminal-Token."


class PasswordRequired(NotPermitted):
    """The request needs a session that was authenticated by password, not by PIN."""

    code = "password_required"
    message = "This needs a password. Authenticate with your password instead of your PIN."


class PairingCodeInvalid(NotAuthenticated):
    """The same answer for an unknown, expired and used code."""

    code = "pairing_code_invalid"
    message = "The pairing code is wrong, expired or used. Make a new one for the register."


class RegisterClosed(Conflict):
    code = "register_closed"
    message = "The register or its store is inactive."


class TenantRequired(DomainError):
    code = "tenant_required"
    message = "Name the tenant in the body or in X-Tenant-ID."


class TenantMismatch(DomainError):
    code = "tenant_mismatch"
    message = "The body, X-Tenant-ID and the host must name the same tenant."


class ForeignTenant(NotPermitted):
    code = "tenant_mismatch"
    message = "X-Tenant-ID does not match the tenant of the token."


class ScopeMissing(NotPermitted):
    """`scope` is the one that this request needs."""

    code = "scope_missing"
    message = "The service key does not have the scope {scope}. Create a key that has it."


class NotForServiceKeys(NotPermitted):
    code = "not_for_service_keys"
    message = "Service keys cannot send this request. Log in as a user."


class PasswordChangeRequired(NotPermitted):
    code = "password_change_required"
    message = "Change the temporary password first with PUT /api/v1/auth/password/."


class SignupDisabled(NotPermitted):
    code = "signup_disabled"
    message = "Sign-up is disabled. Ask the operator of this installation for an account."


class AlreadyAuthenticated(Conflict):
    code = "already_authenticated"
    message = "You are already logged in. Sign up without a token."


class UsernameTaken(Conflict):
    code = "username_taken"
    message = "This username is taken."


class EmailTaken(Conflict):
    code = "email_taken"
    message = "This e-mail address is taken."


class LastAdmin(Conflict):
    code = "last_admin"
    message = "This is the last active admin. Make another user an admin first."


class DifferentRegister(NotPermitted):
    code = "other_register"
    message = "Your session belongs to another register."


class ApprovalRequired(NotPermitted):
    code = "approval_required"
    message = "This exceeds your limit and needs an approval."


class ApprovalNotPending(Conflict):
    code = "approval_not_pending"
    message = "The approval is not pending any more. Its status is {approval_status}."


class ApprovalNotValid(NotPermitted):
    """The same answer for every reason, so that it does not reveal approvals of others."""

    code = "approval_not_valid"
    message = "The approval does not cover this or is no longer valid. Request another one."


class OwnRequest(NotPermitted):
    code = "own_request"
    message = "You cannot decide on your own request."


class AboveOwnLimit(NotPermitted):
    code = "above_own_limit"
    message = "This exceeds your own limit. Ask someone with a higher limit."


class TooManyAttempts(TooManyRequests):
    """Too many attempts, whether or not the user exists."""

    code = "too_many_attempts"
    message = "Too many attempts. Try again in {retry_after} seconds."


class PinLocked(TooManyAttempts):
    """Too many wrong PINs, whether or not the user has a PIN."""

    code = "pin_closed"
    message = "Too many wrong PINs. Log in with your password."


class Busy(Unavailable):
    code = "busy"
    message = "The server is busy with other log-ins. Try again."
