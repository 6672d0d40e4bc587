"""Database features that differ with composite keys."""

from django.db.backends.postgresql import features
from django.utils.functional import cached_property

from tenants.database.postgres import distribution


class DatabaseFeatures(features.DatabaseFeatures):
    # With the key (tenant_id, id), GROUP BY id does not determine the row.
    allows_group_by_selected_pks = False
    # Foreign keys are checked immediately.
    can_defer_constraint_checks = False

    @cached_property
    def is_distributed(self) -> bool:
        """Return whether tenants are distributed over a Citus cluster."""
        return distribution.is_installed(self.connection)
