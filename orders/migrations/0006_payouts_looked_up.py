from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_report_indexes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='payout',
            options={'base_manager_name': 'objects', 'ordering': ['id']},
        ),
        migrations.AlterModelOptions(
            name='refundline',
            options={'base_manager_name': 'objects', 'ordering': ['id']},
        ),
        migrations.RemoveConstraint(
            model_name='payout',
            name='payout_is_something',
        ),
        migrations.AddField(
            model_name='payout',
            name='look_ups',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='payout',
            name='next_look_up_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(condition=models.Q(('method', 'card'), ('status__in', ('pending', 'unknown'))), fields=['created_at', 'id'], name='payout_underway'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_total', 0), ('status', 'captured'), _connector='OR'), name='only_money_that_came_goes_back'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('paid__gte', 0)), models.Q(('amount', 0), ('paid__gt', 0)), _connector='OR'), name='payout_is_something'),
        ),
    ]
