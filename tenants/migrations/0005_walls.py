"""For databases from before the walls: keys and policies come with any migration, here with none.

The backend (tenants/postgres) raises them at the end of every migration, whatever it is about.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_changes_and_webhooks")]
    operations = []
