"""What is different for Django once a row's key begins with its shop."""

from django.db.backends.postgresql import features
from django.utils.functional import cached_property

from tenants.database.postgres import distribution


class DatabaseFeatures(features.DatabaseFeatures):
    # The key is (tenant_id, id): PostgreSQL does not take a group by id for one by the whole row.
    allows_group_by_selected_pks = False
    # A wrong reference is refused by the statement that makes it.
    can_defer_constraint_checks = False

    @cached_property
    def is_distributed(self) -> bool:
        """Whether the shops are spread over the machines of a Citus cluster."""
        return distribution.is_installed(self.connection)
