"""Counting of printed documents, and texts that are written before the first print."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import connection, models

from orders.exceptions import FiscalTextsWritten, ReceiptPrinted

COUNT_PRINT_SQL = """
UPDATE {table} SET prints = prints + 1, printed_names = COALESCE(printed_names, %s)
WHERE tenant_id = %s AND id = %s
RETURNING prints, fiscal
"""


class Printed(models.Model):
    """A document with one original print; later prints are marked as copies."""

    prints = models.PositiveIntegerField(default=0, editable=False)
    # {lines, qr}: texts of an outside signing service. The hash chain contains them.
    fiscal = models.JSONField(null=True, blank=True, editable=False)
    # Names of shop, store, register and people on the first print, so that copies show the same.
    printed_names = models.JSONField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def count_print(self: Any, names: dict[str, str]) -> int:
        """Count a print and return its number, which is unique even for concurrent prints.

        The first print stores the names on it. Also loads the fiscal texts, which cannot be written
        after this.
        """
        key = self._meta.pk.get_db_prep_value
        table = connection.ops.quote_name(self._meta.db_table)
        row = [key(self.tenant_id, connection), key(self.pk, connection)]
        with connection.cursor() as cursor:
            cursor.execute(COUNT_PRINT_SQL.format(table=table), [json.dumps(names), *row])
            self.prints, fiscal = cursor.fetchone()
        # Written meanwhile, or not at all any more.
        self.fiscal = None if fiscal is None else json.loads(fiscal)
        prints: int = self.prints
        return prints

    def write_fiscal(self, lines: Sequence[str], qr: str, *, is_mailed: bool) -> None:
        """Set the fiscal texts, unsaved. Raises `FiscalTextsWritten` and `ReceiptPrinted`.

        `is_mailed` says whether a mail of the receipt was requested.
        """
        if self.fiscal is not None:
            raise FiscalTextsWritten
        if self.prints or is_mailed:
            raise ReceiptPrinted
        self.fiscal = {"lines": list(lines), "qr": qr}
