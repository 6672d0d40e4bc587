"""The base of every row that belongs to one shop."""

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

from tenants.exceptions import NoTenantScope, VersionConflict
from tenants.ids import new_id
from tenants.scope import AllTenants, current_scope, current_tenant_id, has_scope

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)
# What a search computes for each row that it finds: the smaller, the better.
RELEVANCE = "relevance"


class Versioned(models.Model):
    """A row with a client-visible version: every change counts it up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True

    def ensure_version(self, expected: int | None) -> None:
        """Refuse a change made from an older reading; None means that any will do."""
        if expected is not None and expected != self.version:
            raise VersionConflict(current=self.version)

    def save_changes(self, *fields: str) -> None:
        """Write the named fields and count the version up."""
        self.version += 1
        self.save(update_fields=[*fields, "version", "updated_at"])


class TenantQuerySet(models.QuerySet[M]):
    """Rows that belong to one shop; subclasses add the shop's words."""

    def visible_to(self, user: "User") -> Self:
        """What this person may see of the shop; subclasses narrow it by role."""
        return self


class TenantManager(models.Manager[M]):
    """Shows the rows of the shop in scope, and refuses to work without a scope."""

    def get_queryset(self) -> models.QuerySet[M]:
        scope = current_scope()
        rows = super().get_queryset()
        return rows if isinstance(scope, AllTenants) else rows.filter(tenant_id=scope.pk)

    def none(self) -> models.QuerySet[M]:
        """No rows are nobody's: the one answer that needs no scope, as for the API's schema."""
        return super().get_queryset().none()


class TenantOwned(Versioned):
    """A row of one shop. The shop comes from the scope and never changes."""

    tenant = models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.PROTECT,
        default=current_tenant_id,
        editable=False,
        related_name="+",
        # Every index that serves a shop begins with the tenant; one of it alone serves nobody.
        db_index=False,
    )

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        abstract = True
        # Also what Django does behind one's back (refresh, related objects, save) stays in scope.
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.ensure_in_scope()
        super().save(*args, **kwargs)

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        """Its own row alone, also across shops, where another shop may use the same id."""
        return super()._do_update(base_qs.filter(tenant_id=self.tenant_id), *args, **kwargs)

    def ensure_in_scope(self) -> None:
        if not has_scope():
            raise NoTenantScope("No tenant scope: enter tenant_scope(tenant) first.")
        scope = current_scope()
        if not isinstance(scope, AllTenants) and scope.pk != self.tenant_id:
            raise NoTenantScope("This row belongs to another tenant than the one in scope.")
