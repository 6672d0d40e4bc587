"""Counting of printed documents."""

from typing import Any

from django.db import connection, models

COUNT_PRINT_SQL = (
    "UPDATE {table} SET prints = prints + 1 WHERE tenant_id = %s AND id = %s RETURNING prints"
)


class Printed(models.Model):
    """A document with one original print; later prints are marked as copies."""

    prints = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        abstract = True

    def count_print(self: Any) -> int:
        """Count a print and return its number, which is unique even for concurrent prints."""
        key = self._meta.pk.get_db_prep_value
        table = connection.ops.quote_name(self._meta.db_table)
        params = [key(self.tenant_id, connection), key(self.pk, connection)]
        with connection.cursor() as cursor:
            cursor.execute(COUNT_PRINT_SQL.format(table=table), params)
            (self.prints,) = cursor.fetchone()
        prints: int = self.prints
        return prints
