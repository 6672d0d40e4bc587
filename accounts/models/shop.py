"""Proxy of Tenant for the settings page of the admin site."""

import uuid
from typing import Any, ClassVar

from django.db import models

from accounts.models.user import User
from tenants.models import Tenant


class ShopQuerySet(models.QuerySet["ShopSettings"]):
    def visible_to(self, user: User) -> "ShopQuerySet":
        """Return the user's own tenant; platform users have none."""
        return self.filter(pk=user.tenant_id) if user.tenant_id else self.none()


class ShopSettings(Tenant):
    """Settings of one tenant."""

    objects: ClassVar[Any] = models.Manager.from_queryset(ShopQuerySet)()

    class Meta:
        proxy = True
        verbose_name = "settings"
        verbose_name_plural = "settings"

    @property
    def tenant_id(self) -> uuid.UUID:
        return self.pk
