"""Constraint that the active prices of a product in a list do not overlap.

PostgreSQL has exclusion constraints for it, which also hold for transactions at the same time.
SQLite has none, and one writer at a time, so that triggers are enough.
"""

from typing import Any

from django.db.migrations.operations.base import Operation

TABLE = "orders_price"
NAME = "prices_do_not_overlap"
# Compares ids and quantities in the index of the constraint.
EXTENSION = "btree_gist"
IS_INSTALLED = "SELECT 1 FROM pg_extension WHERE extname = %s"
# The most selective column first. On a cluster the tenant must be one of them.
POSTGRES = f"""
ALTER TABLE {TABLE} ADD CONSTRAINT {NAME} EXCLUDE USING gist (
    product_id WITH =, price_list_id WITH =, tenant_id WITH =, min_quantity WITH =,
    tsrange(valid_from, valid_to) WITH &&
) WHERE (is_active)
"""
# After the change, when values have the type of their column.
SQLITE = f"""
CREATE TRIGGER {NAME}_{{verb}} AFTER {{verb}} ON {TABLE} WHEN NEW.is_active
BEGIN SELECT RAISE(ABORT, '{NAME}') WHERE EXISTS (
    SELECT 1 FROM {TABLE} AS other
    WHERE other.tenant_id = NEW.tenant_id AND other.product_id = NEW.product_id
    AND other.price_list_id = NEW.price_list_id AND other.min_quantity = NEW.min_quantity
    AND other.is_active AND other.id <> NEW.id
    AND (other.valid_to IS NULL OR NEW.valid_from IS NULL OR other.valid_to > NEW.valid_from)
    AND (other.valid_from IS NULL OR NEW.valid_to IS NULL OR other.valid_from < NEW.valid_to)
); END
"""  # noqa: S608
VERBS = ("INSERT", "UPDATE")


class ForbidOverlaps(Operation):
    """Migration operation that creates the constraint."""

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models as they are."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if editor.connection.vendor != "postgresql":
            for verb in VERBS:
                editor.execute(SQLITE.format(verb=verb), None)
            return
        # On Citus only a superuser may repeat the command for an extension that exists.
        with editor.connection.cursor() as cursor:
            cursor.execute(IS_INSTALLED, [EXTENSION])
            is_installed = cursor.fetchone() is not None
        if not is_installed:
            editor.execute(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}", None)
        editor.execute(POSTGRES, None)

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if editor.connection.vendor == "postgresql":
            editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {NAME}", None)
        else:
            for verb in VERBS:
                editor.execute(f"DROP TRIGGER {NAME}_{verb}", None)

    def describe(self) -> str:
        return "Forbid prices of the same product, list and quantity that overlap"
