"""Every reason for which the door stays shut."""

from tenants.exceptions import (
    Conflict,
    DomainError,
    NotAuthenticated,
    NotPermitted,
    TooManyRequests,
    Unavailable,
)


class InvalidCredentials(NotAuthenticated):
    """One answer for every reason, so that it tells nothing of who exists."""

    code = "invalid_credentials"
    message = "No such log-in, or it is not active."


class TokenNotValid(NotAuthenticated):
    code = "token_not_valid"
    message = "This token is not valid, or no longer."


class TenantRequired(DomainError):
    code = "tenant_required"
    message = "Name the tenant in the body or in X-Tenant-ID."


class TenantMismatch(DomainError):
    code = "tenant_mismatch"
    message = "Body and X-Tenant-ID name different tenants."


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


class ApprovalRequired(NotPermitted):
    code = "approval_required"
    message = "This is above your limit and needs an approval."


class TooManyAttempts(TooManyRequests):
    """Says the same of a name that exists and of one that does not."""

    code = "too_many_attempts"
    message = "Too many attempts: try again in {retry_after} seconds."


class Busy(Unavailable):
    code = "busy"
    message = "Many people are logging in at this moment: try again."
