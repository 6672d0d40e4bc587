from django.db import migrations


def limit_drops(apps, editor):
    """Give shops that are older than this limit its default: what has no limit is unlimited."""
    for tenant in apps.get_model('tenants', 'Tenant').objects.using(editor.connection.alias):
        for role, amount in (('cashier', '500'), ('manager', None)):
            tenant.limits.setdefault(role, {}).setdefault('drop_amount', amount)
        tenant.save(update_fields=['limits'])


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0006_deliveries_given_up'),
    ]

    operations = [
        migrations.RunPython(limit_drops, migrations.RunPython.noop, elidable=True),
    ]
