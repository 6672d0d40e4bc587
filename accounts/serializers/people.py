"""Shapes of what people send and get."""

from typing import Any

from rest_framework import serializers

from accounts.models import AuthSession, Role, User
from accounts.models.user import USERNAME
from tenants.currencies import CURRENCIES
from tenants.fields import (
    StrictCharField,
    StrictChoiceField,
    StrictDateTimeField,
    StrictEmailField,
)
from tenants.models import Tenant
from tenants.models.tenant import COUNTRY, validate_slug, validate_timezone
from tenants.serializers import StrictSerializer

PASSWORD_LIMIT = 128
AGAIN = "when the answer is given again to the same Idempotency-Key."


def password_field(**kwargs: Any) -> StrictCharField:
    """A password exactly as typed: blanks at its ends are part of it."""
    return StrictCharField(max_length=PASSWORD_LIMIT, normalize=False, **kwargs)


def display_name_field() -> StrictCharField:
    return StrictCharField(max_length=100, trim_whitespace=True, allow_blank=True, required=False)


# --- out ------------------------------------------------------------------------------------


class TenantBriefSerializer(serializers.ModelSerializer[Tenant]):
    class Meta:
        model = Tenant
        fields = ("id", "slug", "name")
        read_only_fields = fields


class UserSerializer(serializers.ModelSerializer[User]):
    """A person; `email` is null for those whom the reader may not manage."""

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
        reader = getattr(self.context.get("request"), "user", None)
        known = reader is None or not reader.is_authenticated or reader.pk == user.pk
        return user.email if known or reader.may_manage(user) else None


class NewUserSerializer(UserSerializer):
    """The person just hired, with the password that nobody will see again."""

    temporary_password = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null where one was given, and {AGAIN}"
    )

    class Meta(UserSerializer.Meta):
        fields = (*UserSerializer.Meta.fields, "temporary_password")
        read_only_fields = fields


class TemporaryPasswordSerializer(serializers.Serializer[Any]):
    temporary_password = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null {AGAIN}"
    )


class TokenPairSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(read_only=True)
    refresh = serializers.CharField(read_only=True)
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.IntegerField(read_only=True, help_text="Seconds of the access token.")

    def get_token_type(self, pair: object) -> str:
        return "Bearer"


class LogInAnswer(TokenPairSerializer):
    user = UserSerializer(read_only=True)


class SignupAnswer(LogInAnswer):
    tenant = TenantBriefSerializer(read_only=True)


class OAuthTokenSerializer(serializers.Serializer[Any]):
    """The same pair under the names of RFC 6749."""

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


class AccessTokenSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(read_only=True)
    token_type = serializers.SerializerMethodField()
    expires_in = serializers.IntegerField(read_only=True)

    def get_token_type(self, answer: object) -> str:
        return "Bearer"


class ReauthAnswer(AccessTokenSerializer):
    access = serializers.CharField(allow_null=True, read_only=True, help_text=f"Null {AGAIN}")


class SessionSerializer(serializers.ModelSerializer[AuthSession]):
    """Where somebody is logged in."""

    device = serializers.CharField(
        source="user_agent", read_only=True, help_text="As the User-Agent of the log-in named it."
    )
    last_used_at = serializers.DateTimeField(read_only=True, help_text="To the minute.")
    expires_at = serializers.DateTimeField(
        read_only=True, help_text="At the latest; one that is not used ends before."
    )
    is_current = serializers.SerializerMethodField(help_text="Whether this request is part of it.")

    class Meta:
        model = AuthSession
        fields = (
            "id",
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


class LogInInput(StrictSerializer):
    tenant = StrictCharField(max_length=63, required=False)
    username = StrictCharField(max_length=150)
    password = password_field()


class OAuthLogInInput(LogInInput):
    """RFC 6749's password form; scope and client are read and mean nothing here."""

    grant_type = StrictChoiceField(choices=["password"], required=False)
    scope = StrictCharField(max_length=200, required=False, allow_blank=True)
    client_id = StrictCharField(max_length=200, required=False, allow_blank=True)
    client_secret = StrictCharField(max_length=200, required=False, allow_blank=True)


class RefreshInput(StrictSerializer):
    refresh = StrictCharField(max_length=2000)


class VerifyInput(StrictSerializer):
    token = StrictCharField(max_length=2000)


class ProfileInput(StrictSerializer):
    display_name = display_name_field()
    email = StrictEmailField(allow_blank=True, required=False)


class OwnPasswordInput(StrictSerializer):
    current_password = password_field()
    new_password = password_field()


class ReauthInput(StrictSerializer):
    password = password_field()


class HireInput(StrictSerializer):
    username = StrictCharField(max_length=32, validators=[USERNAME])
    email = StrictEmailField(allow_blank=True, required=False)
    display_name = display_name_field()
    role = StrictChoiceField(choices=Role.choices)
    password = password_field(required=False)


class RoleInput(StrictSerializer):
    role = StrictChoiceField(choices=Role.choices)


class NewTenantInput(StrictSerializer):
    slug = StrictCharField(max_length=63, validators=[validate_slug])
    name = StrictCharField(max_length=100, trim_whitespace=True)
    currency = StrictChoiceField(choices=sorted(CURRENCIES))
    timezone = StrictCharField(max_length=64, required=False, validators=[validate_timezone])
    country = StrictCharField(max_length=2, required=False, validators=[COUNTRY])


class FirstAdminInput(StrictSerializer):
    username = StrictCharField(max_length=32, validators=[USERNAME])
    email = StrictEmailField()
    password = password_field()
    display_name = display_name_field()


class SignupInput(StrictSerializer):
    tenant = NewTenantInput()
    admin = FirstAdminInput()
