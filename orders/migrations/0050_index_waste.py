"""An index of waste, which is built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0049_reasons_of_waste")]
    operations = [
        BuildIndex(
            model_name="stockmovement",
            index=models.Index(
                fields=["tenant", "occurred_at"],
                condition=models.Q(type="waste"),
                name="movement_of_waste",
            ),
        ),
    ]
