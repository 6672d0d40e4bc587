"""What happened, who did it, and from where: written once and never changed."""

from typing import Any, ClassVar

from django.db import models

from tenants.models.owned import TenantOwned


class AuditEvent(TenantOwned):
    """One thing that somebody did or tried. The database refuses to change or to delete it.

    People and things are named by id and by what they were called then, not by foreign key:
    the ground floor knows neither, and what happened stays true when they are renamed.
    Without a tenant it happened at the door of a shop that does not exist, or to the platform.
    """

    tenant = models.ForeignKey(  # type: ignore[assignment]  # only here it may be nobody's
        "tenants.Tenant",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
    )
    event = models.CharField(max_length=40)
    # Null and empty where nobody is known; a name that does not exist is a keyed hash.
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
        ]

    def __str__(self) -> str:
        return f"{self.event} at {self.created_at}"
