"""Payment providers, their credentials, and the card readers at registers."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenants.encryption import decrypt, encrypt
from tenants.models import Register, TenantOwned

# How long the previous webhook secret is accepted after a rotation. Stripe signs with both secrets
# for at most as long.
FORMER_SECRET_LIFETIME = timedelta(hours=24)


class PaymentProvider(TenantOwned):
    """An account at a provider of card payments. Its credentials are encrypted and never shown."""

    class Kind(models.TextChoices):
        STRIPE_TERMINAL = "stripe_terminal", "Stripe Terminal"
        SIMULATOR = "simulator", "Simulator"

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)
    sealed_secret_key = models.TextField(blank=True, editable=False)
    sealed_webhook_secret = models.TextField(blank=True, editable=False)
    sealed_former_webhook_secret = models.TextField(blank=True, editable=False)
    former_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta(TenantOwned.Meta):
        verbose_name = "payment provider"
        verbose_name_plural = "payment providers"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "name"], name="payment_provider_name_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="payment_provider_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def has_api_key(self) -> bool:
        return bool(self.sealed_secret_key)

    @property
    def receives_events(self) -> bool:
        return bool(self.sealed_webhook_secret)

    @property
    def secret_key(self) -> str:
        """Return the key for requests to the provider."""
        return decrypt(self.sealed_secret_key)

    def set_secret_key(self, key: str) -> None:
        self.sealed_secret_key = encrypt(key)

    def set_webhook_secret(self, secret: str) -> None:
        """Set the secret that signs events. The previous one stays valid for a day.

        The same secret again, such as in a repeated request, changes nothing.
        """
        if self.sealed_webhook_secret:
            if decrypt(self.sealed_webhook_secret) == secret:
                return
            self.sealed_former_webhook_secret = self.sealed_webhook_secret
            self.former_until = timezone.now() + FORMER_SECRET_LIFETIME
        self.sealed_webhook_secret = encrypt(secret)

    def webhook_secrets_at(self, moment: datetime) -> list[str]:
        """Return the secrets that may sign an event at a time, the current one first."""
        is_both = self.former_until is not None and moment < self.former_until
        sealed = [self.sealed_webhook_secret, *([self.sealed_former_webhook_secret] * is_both)]
        return [decrypt(each) for each in sealed if each]


class CardReader(TenantOwned):
    """A card reader of a provider at a register. It never changes register or provider.

    Payments refer to the reader that charged them, so that another reader is another row.
    """

    register = models.ForeignKey(Register, on_delete=models.PROTECT, related_name="card_readers")
    provider = models.ForeignKey(PaymentProvider, on_delete=models.PROTECT, related_name="readers")
    # The provider's id of the reader; blank for the simulator.
    provider_reader_id = models.CharField(max_length=100, blank=True)
    name = models.CharField(max_length=100)
    is_active = models.BooleanField(default=True)

    class Meta(TenantOwned.Meta):
        verbose_name = "card reader"
        verbose_name_plural = "card readers"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "register"],
                condition=Q(is_active=True),
                name="register_has_one_active_reader",
            ),
            models.UniqueConstraint(
                fields=["tenant", "provider", "provider_reader_id"],
                condition=Q(is_active=True) & ~Q(provider_reader_id=""),
                name="active_reader_is_at_one_register",
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="card_reader_updated"),
        ]

    def __str__(self) -> str:
        return self.name
