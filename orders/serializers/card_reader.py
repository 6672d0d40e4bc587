"""Serializers of payment providers and card readers."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from orders.models import CardReader, PaymentProvider
from tenants.api.fields import StrictBooleanField, StrictCharField, StrictChoiceField
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Register

MAX_CREDENTIAL_LENGTH = 255


class ProviderCredentialsInput(StrictSerializer):
    """Credentials at the provider. They are encrypted, and no response contains them."""

    secret_key = StrictCharField(
        max_length=MAX_CREDENTIAL_LENGTH,
        required=False,
        write_only=True,
        help_text="Key for requests to the provider: `sk_...` or a restricted `rk_...`.",
    )
    webhook_secret = StrictCharField(
        max_length=MAX_CREDENTIAL_LENGTH,
        required=False,
        write_only=True,
        help_text="Secret that signs the provider's events: `whsec_...`. After a change the "
        "previous one is accepted for one more day.",
    )


class PaymentProviderChange(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    credentials = ProviderCredentialsInput(required=False, write_only=True)
    is_active = StrictBooleanField(required=False)


class PaymentProviderInput(PaymentProviderChange):
    kind = StrictChoiceField(choices=PaymentProvider.Kind.choices)


class PaymentProviderSerializer(serializers.ModelSerializer[PaymentProvider]):
    """A payment provider without its credentials."""

    has_api_key = serializers.BooleanField(read_only=True)
    receives_events = serializers.BooleanField(read_only=True)

    class Meta:
        model = PaymentProvider
        fields = (
            "id",
            "kind",
            "name",
            "is_active",
            "has_api_key",
            "receives_events",
            "former_until",
            "version",
            "updated_at",
        )
        read_only_fields = fields
        extra_kwargs: Any = {
            "former_until": {"help_text": "Until then the previous webhook secret is accepted."},
        }


class CardReaderChange(StrictSerializer):
    name = StrictCharField(max_length=100, trim_whitespace=True)
    is_active = StrictBooleanField(required=False)


class CardReaderInput(CardReaderChange):
    register = TenantRelatedField(Register)
    provider = TenantRelatedField(PaymentProvider)
    provider_reader_id = StrictCharField(
        max_length=100,
        required=False,
        help_text="The provider's id of the reader, such as `tmr_...`; none for the simulator.",
    )
    registration_code = StrictCharField(
        max_length=100,
        required=False,
        help_text="Instead of `provider_reader_id`: the code that the reader shows. It is then "
        "registered at Stripe, in `location`.",
    )
    location = StrictCharField(
        max_length=100, required=False, help_text="Stripe's id of the location: `tml_...`."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("registration_code", "location") if name in attrs]
        if len(named) == 1:
            missing = {"registration_code", "location"} - set(named)
            raise serializers.ValidationError(
                {name: [ErrorDetail("Required.", code="required")] for name in missing}
            )
        if named and "provider_reader_id" in attrs:
            both = ErrorDetail("Send it without `registration_code`.", code="one_of")
            raise serializers.ValidationError({"provider_reader_id": [both]})
        return attrs


class CardReaderSerializer(serializers.ModelSerializer[CardReader]):
    class Meta:
        model = CardReader
        fields = (
            "id",
            "register",
            "provider",
            "provider_reader_id",
            "name",
            "is_active",
            "version",
            "updated_at",
        )
        read_only_fields = fields
