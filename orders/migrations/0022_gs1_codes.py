"""What GS1 codes say of a line, and the unit of weights."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0021_payments_at_readers'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='best_before',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='orderline',
            name='expires_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='orderline',
            name='lot',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='orderline',
            name='serial',
            field=models.CharField(blank=True, db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='product',
            name='weight_unit',
            field=models.CharField(choices=[('kg', 'Kilograms'), ('lb', 'Pounds')], db_default='kg', default='kg', help_text='Unit of its quantities, if it is sold by weight.', max_length=2),
        ),
    ]
