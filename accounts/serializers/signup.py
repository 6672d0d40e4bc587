"""Serializers of sign-up."""

from rest_framework import serializers

from accounts.serializers.people import (
    WHEN_REPEATED,
    LogInAnswer,
    TenantBriefSerializer,
    UsernameInputField,
    display_name_field,
    password_field,
)
from tenants.api.fields import StrictCharField, StrictChoiceField, StrictEmailField
from tenants.api.serializers import StrictSerializer
from tenants.currencies import CURRENCIES
from tenants.models.tenant import COUNTRY, validate_slug, validate_timezone


class SignupAnswer(LogInAnswer):
    access = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null {WHEN_REPEATED}"
    )
    refresh = serializers.CharField(
        allow_null=True, read_only=True, help_text=f"Null {WHEN_REPEATED}"
    )
    tenant = TenantBriefSerializer(read_only=True)


class NewTenantInput(StrictSerializer):
    slug = StrictCharField(max_length=63, validators=[validate_slug])
    name = StrictCharField(max_length=100, trim_whitespace=True)
    currency = StrictChoiceField(choices=sorted(CURRENCIES))
    timezone = StrictCharField(max_length=64, required=False, validators=[validate_timezone])
    country = StrictCharField(max_length=2, required=False, validators=[COUNTRY])


class FirstAdminInput(StrictSerializer):
    username = UsernameInputField()
    email = StrictEmailField()
    password = password_field()
    display_name = display_name_field()


class SignupInput(StrictSerializer):
    tenant = NewTenantInput()
    admin = FirstAdminInput()
