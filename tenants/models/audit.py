"""The audit log: who did what, when and from where."""

from typing import Any, ClassVar

from django.db import models

from tenants.models.owned import TenantOwned


class AuditEvent(TenantOwned):
    """An action or a denied attempt. The table is append-only.

    Actor and target are stored by id and by their name at that time, not by foreign key, so that
    a later change of name does not alter the log. The tenant is null for events of the platform
    and for log-ins to tenants that do not exist.
    """

    tenant = models.ForeignKey(  # type: ignore[assignment]  # nullable only here
        "tenants.Tenant",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    event = models.CharField(max_length=40)
    # Null and empty for unknown actors; the name of an unknown user is a keyed hash.
    actor = models.UUIDField(null=True, blank=True)
    actor_name = models.CharField(max_length=100, blank=True)
    target_type = models.CharField(max_length=40, blank=True)
    target = models.UUIDField(null=True, blank=True)
    target_name = models.CharField(max_length=200, blank=True)
    facts = models.JSONField(default=dict)
    session = models.UUIDField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta(TenantOwned.Meta):
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "created_at", "id"], name="audit_by_time"),
            models.Index(fields=["tenant", "event", "created_at"], name="audit_by_event"),
            models.Index(fields=["tenant", "actor", "created_at"], name="audit_by_actor"),
            models.Index(fields=["tenant", "target", "created_at"], name="audit_by_target"),
            # For the beginning of a name, which the usual operator class does not find.
            models.Index(
                fields=["tenant", "target_name", "created_at"],
                name="audit_by_name",
                opclasses=["uuid_ops", "varchar_pattern_ops", "timestamptz_ops"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} at {self.created_at}"
