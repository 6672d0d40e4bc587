"""Stores and registers."""

from datetime import datetime, time
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.db import models

from tenants.business_days import BusinessDays
from tenants.models.owned import ExternalReference, TenantManager, TenantOwned, TenantQuerySet
from tenants.models.tenant import validate_timezone


class Store(ExternalReference, TenantOwned):
    """A store, with its own time zone and business day."""

    name = models.CharField(max_length=100)
    address = models.TextField(max_length=500, blank=True)
    timezone = models.CharField(
        max_length=64, blank=True, validators=[validate_timezone], help_text="Empty: the tenant's."
    )
    day_starts_at = models.TimeField(
        default=time(0), help_text="Local time at which a new business day begins."
    )
    is_active = models.BooleanField(default=True)
    # Id and hash of the current receipt profile. Here because each sale reads its store.
    receipt_profile = models.UUIDField(null=True, blank=True, editable=False)
    receipt_profile_hash = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False
    )

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant", "name"], name="store_name_is_unique"),
            models.UniqueConstraint(
                fields=["tenant", "external_id"], name="store_external_id_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="store_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.timezone or self.tenant.timezone)

    @property
    def business_days(self) -> BusinessDays:
        return BusinessDays(self.clock, self.day_starts_at.replace(microsecond=0))

    def start_of_day_at(self, at: datetime) -> datetime:
        """Return when the business day of this moment began."""
        return self.business_days.start_of_day_at(at)


class RegisterQuerySet(TenantQuerySet["Register"]):
    def in_use(self) -> "RegisterQuerySet":
        return self.filter(is_active=True, store__is_active=True)


class Register(TenantOwned):
    """A register in a store. Its number is the first part of every order number."""

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="registers")
    name = models.CharField(max_length=100)
    number = models.PositiveIntegerField(editable=False)
    is_active = models.BooleanField(default=True)

    objects = TenantManager.from_queryset(RegisterQuerySet)()  # type: ignore[assignment, misc]

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store", "name"], name="register_name_is_unique"
            ),
            models.UniqueConstraint(fields=["tenant", "number"], name="register_number_is_unique"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="register_updated"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_in_use(self) -> bool:
        return self.is_active and self.store.is_active
