from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_terminals_and_approvals'),
    ]

    operations = [
        migrations.CreateModel(
            name='Cashier',
            fields=[
            ],
            options={
                'verbose_name': 'cashier',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('accounts.user',),
        ),
        migrations.CreateModel(
            name='StaffMember',
            fields=[
            ],
            options={
                'verbose_name': 'person',
                'verbose_name_plural': 'staff',
                'proxy': True,
                'indexes': [],
                'constraints': [],
            },
            bases=('accounts.user',),
        ),
        migrations.AlterModelOptions(
            name='authsession',
            options={'base_manager_name': 'objects', 'verbose_name': 'log-in'},
        ),
    ]
