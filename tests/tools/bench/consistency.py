"""Whether what was sold while it was measured is all there, and right."""

from dataclasses import dataclass

import psycopg

from tests.tools.bench.layout import PLENTY
from tests.tools.bench.programs import DidNotWork

# The ids of copied rows are older than any that were made since.
COPIED = "01910000-0000-7000-8000-000000000000"

ORDERS = "SELECT count(*) FROM orders_order WHERE status = 'completed'"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
# Products whose level is not what was there less what was sold.
WRONG_LEVELS = f"""
    SELECT count(*) FROM orders_stocklevel level LEFT JOIN (
        SELECT product_id, sum(quantity) AS moved FROM orders_stockmovement
        WHERE id > '{COPIED}' GROUP BY product_id
    ) sold USING (product_id)
    WHERE level.quantity <> {PLENTY} + coalesce(sold.moved, 0)
"""  # noqa: S608
# Tills that have left out a number, or given one twice.
WRONG_NUMBERS = """
    SELECT count(*) FROM orders_registerseries series JOIN (
        SELECT register_id, count(*) AS given, max(number) AS last FROM (
            SELECT register_id, number FROM orders_receipt UNION ALL
            SELECT register_id, receipt_number FROM orders_refund WHERE status = 'done'
        ) numbered GROUP BY register_id
    ) receipts USING (register_id)
    WHERE series.last_receipt <> receipts.given OR series.last_receipt <> receipts.last
"""


@dataclass(frozen=True, slots=True)
class Books:
    """The orders of a database at one moment."""

    database: str
    orders: int

    def check(self, sold: int) -> str:
        """Refuse figures of sales that are not in the books; says what was found."""
        levels, numbers = ask(self.database, WRONG_LEVELS), ask(self.database, WRONG_NUMBERS)
        if levels or numbers:
            raise DidNotWork(
                f"{levels} stock levels and the receipt numbers of {numbers} registers do not "
                "add up to what was sold."
            )
        orders = ask(self.database, ORDERS) - self.orders
        if orders < sold:
            raise DidNotWork(f"{sold} orders were confirmed, but only {orders} are there.")
        return (
            f"All of {sold:,} confirmed sales are there, stock and receipt numbers add up; "
            f"{ask(self.database, DEADLOCKS)} deadlocks."
        )


def open_books(database: str) -> Books:
    return Books(database, ask(database, ORDERS))


def ask(database: str, question: str) -> int:
    with psycopg.connect(database) as connection:
        row = connection.execute(question).fetchone()
    return int(row[0]) if row else 0
