"""Filters of lists in the admin."""

import uuid
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Model

from tenants.models import TenantOwned


class RowFilter(admin.SimpleListFilter):
    """Filter by one row, as linked from its page; it lists no other choices.

    `parameter_name` is the field of the list that refers to the row.
    """

    model: ClassVar[type[TenantOwned]]
    # What the text of the row shows.
    related: ClassVar[tuple[str, ...]] = ()

    def find_row(self, text: str) -> Model | None:
        """Return the row with this id, or None for anything else."""
        try:
            row_id = uuid.UUID(text)
        except ValueError:
            return None
        found: Model | None = (
            self.model.objects.select_related(*self.related).filter(pk=row_id).first()
        )
        return found

    def lookups(self, request: Any, model_admin: Any) -> Any:
        row = self.find_row(request.GET.get(self.parameter_name, ""))
        return [(str(row.pk), str(row))] if row else []

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        if self.value() not in known:
            return queryset
        return queryset.filter(**{str(self.parameter_name): self.value()})
