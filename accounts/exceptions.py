"""Every reason for which the door stays shut."""

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
    """One answer for every reason, so that it tells nothing of who exists."""

    code = "invalid_credentials"
    message = "No such log-in, or it is not active."


class ManagersOnly(NotPermitted):
    """Told only to somebody whose password was right."""

    code = "managers_only"
    message = "This is for managers and admins; cashiers log in at the tills."


class WrongPassword(Invalid):
    """The present password is another one: a guess, which is remembered though it is refused."""

    def __init__(self) -> None:
        error = FieldError("current_password", "wrong_password", "This is not your password.")
        super().__init__(errors=(error,))


class TokenNotValid(NotAuthenticated):
    code = "token_not_valid"
    message = "This token is not valid, or no longer."


class InsufficientAuthentication(NotAuthenticated):
    """The log-in is good, but too long ago for this (RFC 9470); `max_age` is in seconds."""

    code = "insufficient_user_authentication"
    message = "Show again who you are: POST /api/v1/auth/reauth/."


class TerminalNotPaired(NotAuthenticated):
    """One answer for every reason: no token, an old one, or one of another shop."""

    code = "terminal_not_paired"
    message = "This device is not paired with a register: send X-Terminal-Token."


class PasswordRequired(NotPermitted):
    """A PIN opens the till, and not the office."""

    code = "password_required"
    message = "A PIN is too little for this: log in with your password."


class RegisterClosed(Conflict):
    code = "register_closed"
    message = "This register, or its store, is not in use."


class TenantRequired(DomainError):
    code = "tenant_required"
    message = "Name the tenant in the body or in X-Tenant-ID."


class TenantMismatch(DomainError):
    code = "tenant_mismatch"
    message = "Body, X-Tenant-ID and host name different tenants."


class ForeignTenant(NotPermitted):
    code = "tenant_mismatch"
    message = "X-Tenant-ID names another tenant than your log-in."


class PasswordChangeRequired(NotPermitted):
    code = "password_change_required"
    message = "Set a password of your own first: PUT /api/v1/auth/password/."


class SignupDisabled(NotPermitted):
    code = "signup_disabled"
    message = "Shops are opened by the people who run this installation."


class AlreadyAuthenticated(Conflict):
    code = "already_authenticated"
    message = "You are logged in; sign up without a token."


class UsernameTaken(Conflict):
    code = "username_taken"
    message = "This username is taken."


class EmailTaken(Conflict):
    code = "email_taken"
    message = "This e-mail address is taken."


class LastAdmin(Conflict):
    code = "last_admin"
    message = "A shop needs an active admin, and this is the last one."


class DifferentRegister(NotPermitted):
    code = "other_register"
    message = "You are logged in at another register: this one is not yours."


class ApprovalRequired(NotPermitted):
    code = "approval_required"
    message = "This is above your limit and needs an approval."


class ApprovalNotPending(Conflict):
    code = "approval_not_pending"
    message = "There is nothing to decide any more: this request is {approval_status}."


class ApprovalNotValid(NotPermitted):
    """One answer for every reason: an approval tells nothing to whom it was not given."""

    code = "approval_not_valid"
    message = "This approval is not for this, or not any more: ask for another one."


class OwnRequest(NotPermitted):
    code = "own_request"
    message = "Nobody decides on a request of their own."


class AboveOwnLimit(NotPermitted):
    code = "above_own_limit"
    message = "This is above your own limit too: it takes somebody with a higher one."


class TooManyAttempts(TooManyRequests):
    """Says the same of a name that exists and of one that does not."""

    code = "too_many_attempts"
    message = "Too many attempts: try again in {retry_after} seconds."


class PinLocked(TooManyAttempts):
    """Says the same of somebody who has a PIN and of somebody who has none."""

    code = "pin_closed"
    message = "Too many wrong PINs: log in with your password."


class Busy(Unavailable):
    code = "busy"
    message = "Many people are logging in at this moment: try again."
