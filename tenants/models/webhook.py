"""Webhooks: HTTP endpoints that receive events of a tenant."""

import base64
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from django.db import models
from django.utils import timezone

from tenants.encryption import decrypt, encrypt
from tenants.events.topics import is_subscribed
from tenants.models.owned import TenantManager, TenantOwned, TenantQuerySet

PREFIX = "whsec_"
SECRET_BYTES = 32
# How long the previous secret also signs after a rotation.
FORMER_SECRET_LIFETIME = timedelta(hours=24)
# A webhook that only fails for so long is disabled; longer than a delivery is retried.
MAX_FAILING_TIME = timedelta(days=4)
SUBSCRIBER = "webhook"


class WebhookQuerySet(TenantQuerySet["Webhook"]):
    def active_for_tenants(self, tenants: Iterable[Any]) -> Self:
        return self.filter(is_active=True, tenant__in=list(tenants)).order_by("tenant", "pk")


class Webhook(TenantOwned):
    """An endpoint with its topics and its signing secret."""

    class Disabled(models.TextChoices):
        """Why the relay disabled the webhook; empty if a user did."""

        FAILING = "failing", "Deliveries failed for several days"
        GONE = "gone", "Endpoint answered 410 Gone"

    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=7, choices=Disabled, blank=True)
    # The time of the first failure since the last success.
    failing_since = models.DateTimeField(null=True, blank=True)
    sealed_secret = models.TextField()
    sealed_former_secret = models.TextField(blank=True)
    former_until = models.DateTimeField(null=True, blank=True)

    objects = TenantManager.from_queryset(WebhookQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "created_at", "id"], name="webhook_by_time"),
        ]

    def __str__(self) -> str:
        """Return the host name alone: the path may contain a secret, and the audit log shows it."""
        return urlsplit(self.url).hostname or ""

    @property
    def subscriber(self) -> str:
        """Return the subscriber name of its deliveries."""
        return f"{SUBSCRIBER}/{self.pk}"

    def wants(self, topic: str) -> bool:
        return is_subscribed(topic, self.events)

    def make_secret(self) -> str:
        """Set and return a new secret. The previous one stays valid for a day."""
        if self.sealed_secret:
            self.sealed_former_secret = self.sealed_secret
            self.former_until = timezone.now() + FORMER_SECRET_LIFETIME
        secret = PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        self.sealed_secret = encrypt(secret)
        return secret

    def secrets_at(self, moment: datetime) -> list[str]:
        """Return the secrets that sign at a time, the current one first."""
        is_both = self.former_until is not None and moment < self.former_until
        encrypted = [self.sealed_secret, *([self.sealed_former_secret] if is_both else [])]
        return [decrypt(each) for each in encrypted]

    def enable(self) -> None:
        """Enable the webhook and reset its failures."""
        self.is_active, self.disabled_reason, self.failing_since = True, "", None

    def disable(self, reason: str = "") -> None:
        self.is_active, self.disabled_reason = False, reason

    def has_failed_too_long(self, at: datetime) -> bool:
        return self.failing_since is not None and at - self.failing_since >= MAX_FAILING_TIME
