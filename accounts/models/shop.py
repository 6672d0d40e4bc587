"""The shop as its own pages show it: the same row, under a name of its own."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.models.user import User
from tenants.models import Tenant


class ShopQuerySet(models.QuerySet["ShopSettings"]):
    def visible_to(self, user: User) -> "ShopQuerySet":
        """One's own; somebody of the platform has none."""
        return self.filter(pk=user.tenant_id) if user.tenant_id else self.none()


class ShopSettings(Tenant):
    """How a shop works. Every shop has one, and nobody sees that of another."""

    objects: ClassVar[Any] = models.Manager.from_queryset(ShopQuerySet)()

    class Meta:
        proxy = True
        verbose_name = "settings of the shop"
        verbose_name_plural = "settings"

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.pk
