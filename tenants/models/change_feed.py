"""The state of a tenant's change feed."""

from typing import Any, ClassVar

from django.db import models

from tenants.models.owned import TenantOwned


class ChangeFeed(TenantOwned):
    """The position counter of a tenant. It is locked to assign positions, never by services."""

    # The position of the newest change, and of the newest that has been pruned.
    last = models.BigIntegerField(default=0)
    pruned = models.BigIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant"], name="one_feed_for_each_shop"),
        ]

    def __str__(self) -> str:
        return str(self.last)
