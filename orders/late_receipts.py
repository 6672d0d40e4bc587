"""Triggers that move the end of the summary of sales back for receipts of earlier hours."""

from typing import Any

from django.db.migrations.operations.base import Operation

# The columns from which the summary is computed.
COLUMNS = {
    "orders_order": (
        *("completed_at", "receipt_number", "store_id", "subtotal", "discount_total"),
        *("tax_total", "cash_rounding", "total"),
    ),
    "orders_refund": (
        *("completed_at", "status", "store_id", "tax_total", "cash_rounding", "total"),
    ),
}
# Half of the time after which an hour is summarized.
IS_LATE = "{row}.completed_at < now() - interval '30 minutes'"
# Key of the advisory lock that a tenant's late receipts share, and its first summary takes.
LOCK_KEY = "hashtextextended('sales_summary ' || {tenant}, 0)"
FUNCTION = """
CREATE OR REPLACE FUNCTION move_sales_summary_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Without a summary there is no row to lock: the first one waits for this lock instead.
    PERFORM pg_advisory_xact_lock_shared({key});
    -- Always writes the row, so that it is locked until this transaction is committed.
    UPDATE orders_salessummary SET until = LEAST(
        until,
        date_trunc('hour', OLD.completed_at, 'UTC'),
        date_trunc('hour', NEW.completed_at, 'UTC')
    )
    WHERE tenant_id = COALESCE(NEW.tenant_id, OLD.tenant_id);
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER {table}_late_{name} AFTER {event} ON {table}
FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION move_sales_summary_back()
"""


class SummaryTriggers(Operation):
    """Migration operation that creates the triggers, on PostgreSQL.

    Only receipts that are late call the function: a sale does not write to the summary.
    """

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave the models as they are."""

    def database_forwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not has_triggers(editor.connection):
            return
        key = LOCK_KEY.format(tenant="COALESCE(NEW.tenant_id, OLD.tenant_id)::text")
        editor.execute(FUNCTION.format(key=key), None)
        for table, columns in COLUMNS.items():
            for name, (event, when) in build_events(columns).items():
                trigger = TRIGGER.format(table=table, name=name, event=event, when=when)
                editor.execute(trigger, None)

    def database_backwards(self, app_label: str, editor: Any, old: Any, new: Any) -> None:
        if not has_triggers(editor.connection):
            return
        for table, columns in COLUMNS.items():
            for name in build_events(columns):
                editor.execute(f"DROP TRIGGER {table}_late_{name} ON {table}", None)
        editor.execute("DROP FUNCTION move_sales_summary_back()", None)

    def describe(self) -> str:
        return "Move the end of the summary of sales back for late receipts"


def has_triggers(connection: Any) -> bool:
    return connection.vendor == "postgresql" and not connection.features.is_distributed


def build_events(columns: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return event and condition of each trigger of a table by its name."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    late_old, late_new = IS_LATE.format(row="OLD"), IS_LATE.format(row="NEW")
    return {
        "insert": ("INSERT", late_new),
        "update": (
            f"UPDATE OF {', '.join(columns)}",
            f"({late_old} OR {late_new}) AND ({old}) IS DISTINCT FROM ({new})",
        ),
        "delete": ("DELETE", late_old),
    }
