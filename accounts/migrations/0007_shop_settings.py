from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_terminals_more'),
        ('tenants', '0003_idempotency_and_outbox'),
    ]

    operations = [
        migrations.CreateModel(
            name='ShopSettings',
            fields=[
            ],
            options={
                'verbose_name': 'settings of the shop',
                'verbose_name_plural': 'settings',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('tenants.tenant',),
        ),
    ]
