"""Index of the approvals for an object, built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("accounts", "0015_service_keys")]
    operations = [
        BuildIndex(
            model_name="approval",
            index=models.Index(fields=["tenant", "object_key"], name="approval_by_object"),
        ),
    ]
