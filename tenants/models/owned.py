"""Abstract base models: versioned rows, and rows that belong to a tenant."""

from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models

from tenants.exceptions import NoTenantScope, VersionConflict
from tenants.ids import new_id
from tenants.scope import AllTenants, current_scope, current_tenant_id, has_scope

if TYPE_CHECKING:
    from accounts.models import User

M = TypeVar("M", bound=models.Model)
# The annotation with the rank of a search result: lower is better.
RELEVANCE = "relevance"
MAX_EXTERNAL_ID_LENGTH = 100


class Versioned(models.Model):
    """A row with a version that clients see and every change increments."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    updated_at = models.DateTimeField(auto_now=True, editable=False)

    class Meta:
        abstract = True

    def ensure_version(self, expected: int | None) -> None:
        """Raise VersionConflict if `expected` is another version; None accepts any."""
        if expected is not None and expected != self.version:
            raise VersionConflict(current=self.version)

    def save_changes(self, *fields: str) -> None:
        """Save the named fields and increment the version."""
        self.version += 1
        self.save(update_fields=[*fields, "version", "updated_at"])


class ExternalReference(models.Model):
    """The id of a row in another system, and data that this system keeps with it."""

    # Null, because most rows have none and those that have one have another one each.
    external_id = models.CharField(  # noqa: DJ001
        "external ID",
        max_length=MAX_EXTERNAL_ID_LENGTH,
        null=True,
        blank=True,
        help_text="The ID in another system, such as an ERP.",
    )
    metadata = models.JSONField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True


class TenantQuerySet(models.QuerySet[M]):
    """Rows that belong to a tenant."""

    def visible_to(self, user: "User") -> Self:
        """Return the rows that the user may see; subclasses restrict them by role."""
        return self


class TenantManager(models.Manager[M]):
    """Returns the rows of the current tenant; raises NoTenantScope without a scope."""

    def get_queryset(self) -> models.QuerySet[M]:
        scope = current_scope()
        rows = super().get_queryset()
        return rows if isinstance(scope, AllTenants) else rows.filter(tenant_id=scope.pk)

    def none(self) -> models.QuerySet[M]:
        """Return an empty queryset, which needs no scope, for the OpenAPI document."""
        return super().get_queryset().none()


class TenantOwned(Versioned):
    """A row of a tenant, which comes from the scope and never changes."""

    tenant = models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.PROTECT,
        default=current_tenant_id,
        editable=False,
        related_name="+",
        # Composite indexes begin with the tenant; an index of it alone would not be used.
        db_index=False,
    )

    objects = TenantManager.from_queryset(TenantQuerySet)()

    class Meta:
        abstract = True
        # So that refresh_from_db, related objects and save() stay in scope too.
        base_manager_name = "objects"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.ensure_in_scope()
        super().save(*args, **kwargs)

    def _do_update(self, base_qs: Any, *args: Any, **kwargs: Any) -> Any:
        """Update only the row of its own tenant: ids are unique only within a tenant."""
        return super()._do_update(base_qs.filter(tenant_id=self.tenant_id), *args, **kwargs)

    def ensure_in_scope(self) -> None:
        if not has_scope():
            raise NoTenantScope("No tenant scope. Enter tenant_scope(tenant) first.")
        scope = current_scope()
        if not isinstance(scope, AllTenants) and scope.pk != self.tenant_id:
            raise NoTenantScope("This row belongs to another tenant than the one in scope.")
