"""Serializers of users, sessions and tokens."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from accounts.models import AuthSession, Role, User
from accounts.models.user import USERNAME, normalize_username
from accounts.security.validators import DIGITS
from tenants.api.fields import (
    StrictCharField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictEmailField,
)
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store, Tenant

MAX_PASSWORD_LENGTH = 128
MAX_PIN_LENGTH = 8
MAX_USERNAME_LENGTH = 32
ONLY_ONE_CREDENTIAL = "Send either the password or the PIN."
WHEN_REPEATED = "in a repeated response to the same Idempotency-Key."


def password_field(**kwargs: Any) -> StrictCharField:
    """Build a password field that keeps leading and trailing spaces."""
    return StrictCharField(max_length=MAX_PASSWORD_LENGTH, normalize=False, **kwargs)


def pin_field(*, validator: Any = DIGITS, **kwargs: Any) -> StrictCharField:
    """Build a PIN field: a string of ASCII digits, without normalization."""
    return StrictCharField(
        max_length=MAX_PIN_LENGTH, normalize=False, validators=[validator], **kwargs
    )


def stores_field() -> Any:
    """Build a field of assigned stores; an empty list means all stores."""
    return TenantRelatedField(Store, many=True, required=False)


def display_name_field() -> StrictCharField:
    return StrictCharField(max_length=100, trim_whitespace=True, allow_blank=True, required=False)


# --- out ------------------------------------------------------------------------------------


class TenantBriefSerializer(serializers.ModelSerializer[Tenant]):
    class Meta:
        model = Tenant
        fields = ("id", "slug", "name")
        read_only_fields = fields


class UserSerializer(serializers.ModelSerializer[User]):
    """User; `email` is null if the reader may not manage the user, and in PIN sessions."""

    tenant = TenantBriefSerializer(read_only=True)
    email = serializers.SerializerMethodField()

    class Meta:
        model = User
        fields: tuple[str, ...] = (
            "id",
            "username",
            "display_name",
            "email",
            "role",
            "is_active",
            "must_change_password",
            "tenant",
            "version",
        )
        read_only_fields = fields

    def get_email(self, user: User) -> str | None:
        request = self.context.get("request")
        session = self.context.get("session") or getattr(request, "auth", None)
        if session is not None and session.method == AuthSession.Method.PIN:
            return None
        reader = getattr(request, "user", None)
        known = reader is None or not reader.is_authenticated or reader.pk == user.pk
        return user.email if known or reader.may_manage(user) else None


class EmployeeSerializer(UserSerializer):
    """User with store assignments and PIN status."""

    stores = serializers.SerializerMethodField(help_text="Assigned stores; empty means all stores.")
    has_pin = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "stores", "has_pin")
        read_only_fields = fields

    def get_stores(self, user: User) -> list[UUID]:
        return sorted(posting.store_id for posting in user.postings.all())

    def get_has_pin(self, user: User) -> bool:
        return hasattr(user, "pin")


class NewUserSerializer(EmployeeSerializer):
    """Created user with the temporary password, which is shown only once."""

    temporary_password = serializers.CharField(
        allow_null=True,
        read_only=True,
        help_text=f"Null if a password was given, and {WHEN_REPEATED}",
    )

    class Meta(EmployeeSerializer.Meta):
        fields = (*EmployeeSerializer.Meta.fields, "temporary_password")
        read_only_fields = fields


@extend_schema_serializer(component_name="ResetPassword")
class TemporaryPasswordSerializer(serializers.Serializer[Any]):
    temporary_password = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null {WHEN_REPEATED}"
    )


class AccessTokenSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(read_only=True)
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.IntegerField(
        read_only=True, help_text="Lifetime of the access token in seconds."
    )

    def get_token_type(self, answer: object) -> str:
        return "Bearer"


class TokenPairSerializer(AccessTokenSerializer):
    refresh = serializers.CharField(read_only=True)


class SessionBriefSerializer(serializers.ModelSerializer[AuthSession]):
    """Session; `register` and `store` are null without a paired terminal."""

    class Meta:
        model = AuthSession
        fields = ("id", "method", "register", "store")
        read_only_fields = fields


class LogInAnswer(TokenPairSerializer):
    user = UserSerializer(read_only=True)
    session = SessionBriefSerializer(read_only=True)


class OAuthTokenSerializer(serializers.Serializer[Any]):
    """Token pair with the names of RFC 6749."""

    access_token = serializers.CharField(source="access", read_only=True)
    refresh_token = serializers.CharField(source="refresh", read_only=True)
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.IntegerField(read_only=True)

    def get_token_type(self, pair: object) -> str:
        return "Bearer"


class VerifiedSerializer(serializers.Serializer[Any]):
    active = serializers.BooleanField(read_only=True)
    user = UserSerializer(read_only=True)
    tenant = TenantBriefSerializer(read_only=True)
    expires_at = StrictDateTimeField(read_only=True)


class ReauthAnswer(AccessTokenSerializer):
    access = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null {WHEN_REPEATED}"
    )


class SessionSerializer(serializers.ModelSerializer[AuthSession]):
    """Session of a user."""

    device = serializers.CharField(
        source="user_agent", read_only=True, help_text="User-Agent of the log-in."
    )
    last_used_at = serializers.DateTimeField(
        read_only=True, help_text="Updated at most once a minute."
    )
    expires_at = serializers.DateTimeField(
        read_only=True, help_text="Latest end; an idle session ends earlier."
    )
    is_current = serializers.SerializerMethodField(help_text="Whether this request belongs to it.")

    class Meta:
        model = AuthSession
        fields = (
            "id",
            "method",
            "register",
            "store",
            "device",
            "ip",
            "created_at",
            "last_used_at",
            "expires_at",
            "is_current",
        )
        read_only_fields = fields

    def get_is_current(self, session: AuthSession) -> bool:
        return bool(session.pk == self.context["request"].auth.pk)


# --- in -------------------------------------------------------------------------------------


class UsernameInputField(StrictCharField):
    """New username, normalized to NFKC."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_USERNAME_LENGTH, validators=[USERNAME], **kwargs)

    def to_internal_value(self, data: object) -> str:
        username = normalize_username(super().to_internal_value(data))
        if len(username) > MAX_USERNAME_LENGTH:
            self.fail("max_length", max_length=MAX_USERNAME_LENGTH)
        return username


class LogInInput(StrictSerializer):
    tenant = StrictCharField(max_length=63, required=False)
    username = StrictCharField(max_length=150)
    password = password_field()


class OAuthLogInInput(LogInInput):
    """Password grant of RFC 6749; scope and client fields are ignored."""

    grant_type = StrictChoiceField(choices=["password"], required=False)
    scope = StrictCharField(max_length=200, required=False, allow_blank=True)
    client_id = StrictCharField(max_length=200, required=False, allow_blank=True)
    client_secret = StrictCharField(max_length=200, required=False, allow_blank=True)


class RefreshInput(StrictSerializer):
    refresh = StrictCharField(max_length=2000)


class RevokeInput(StrictSerializer):
    """Revocation request (RFC 7009); `token_type_hint` is ignored."""

    token = StrictCharField(max_length=2000)
    token_type_hint = StrictCharField(max_length=100, required=False, allow_blank=True)


class VerifyInput(StrictSerializer):
    token = StrictCharField(max_length=2000)


class ProfileInput(StrictSerializer):
    display_name = display_name_field()
    email = StrictEmailField(allow_blank=True, required=False)


class OwnPasswordInput(StrictSerializer):
    current_password = password_field()
    new_password = password_field()


class ReauthInput(StrictSerializer):
    """Password, or PIN in a session at a paired terminal."""

    password = password_field(required=False)
    pin = pin_field(required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            required = self.fields["password"].error_messages["required"]
            raise serializers.ValidationError({"password": ErrorDetail(required, "required")})
        if len(given) > 1:
            raise serializers.ValidationError(
                {"pin": ErrorDetail(ONLY_ONE_CREDENTIAL, "ambiguous")}
            )
        return given


class HireInput(StrictSerializer):
    username = UsernameInputField()
    email = StrictEmailField(allow_blank=True, required=False)
    display_name = display_name_field()
    role = StrictChoiceField(choices=Role.choices)
    password = password_field(required=False)
    stores = stores_field()


class EmployeeInput(ProfileInput):
    stores = stores_field()


class RoleInput(StrictSerializer):
    role = StrictChoiceField(choices=Role.choices)
