"""An index of the names of things in the audit log, which is built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("tenants", "0013_external_ids")]
    operations = [
        BuildIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["tenant", "target_name", "created_at"],
                name="audit_by_name",
                opclasses=["uuid_ops", "varchar_pattern_ops", "timestamptz_ops"],
            ),
        ),
    ]
