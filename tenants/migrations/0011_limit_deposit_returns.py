"""The limit of what a user pays for returned goods, such as empties."""

from django.db import migrations


def limit_deposit_returns(apps, editor):
    """Give shops that are older than this limit its default.

    Their rows are locked: a change of limits during the migration is not overwritten.
    """
    tenants = apps.get_model('tenants', 'Tenant').objects.using(editor.connection.alias)
    if editor.connection.features.has_select_for_update:
        tenants = tenants.select_for_update()
    for tenant in tenants.order_by('pk'):
        for role, amount in (('cashier', '30'), ('manager', None)):
            tenant.limits.setdefault(role, {}).setdefault('deposit_return_amount', amount)
        tenant.save(update_fields=['limits'])


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0010_receipt_profiles'),
    ]

    operations = [
        migrations.RunPython(limit_deposit_returns, migrations.RunPython.noop, elidable=True),
    ]
