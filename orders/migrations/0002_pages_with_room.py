"""Leave room in the pages of rows that every sale changes, so that a change stays in its page."""

from django.db import migrations

BUSY_TABLES = ("orders_stocklevel", "orders_registerseries")


def leave_room(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in BUSY_TABLES:
            schema_editor.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")


def leave_none(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in BUSY_TABLES:
            schema_editor.execute(f"ALTER TABLE {table} RESET (fillfactor)")


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]
    operations = [migrations.RunPython(leave_room, leave_none)]
