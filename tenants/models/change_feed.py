"""How far a shop's changes are counted."""

from typing import Any, ClassVar

from django.db import models

from tenants.models.owned import TenantOwned


class ChangeFeed(TenantOwned):
    """The counter of one shop. Whoever numbers changes holds it; whoever makes them never does."""

    # The position of the last change, and of the last that was deleted for its age.
    last = models.BigIntegerField(default=0)
    pruned = models.BigIntegerField(default=0)

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant"], name="one_feed_for_each_shop"),
        ]

    def __str__(self) -> str:
        return str(self.last)
