"""Refunds that fail after they were completed, and their entry in the hash chain."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0025_build_indexes_in_use'),
        ('tenants', '0009_choice_labels'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='refund',
            name='done_refund_has_a_receipt',
        ),
        migrations.AddField(
            model_name='refund',
            name='replaces',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.refund'),
        ),
        migrations.AddField(
            model_name='refund',
            name='reversed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='refund',
            name='reversed_in',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.shift'),
        ),
        migrations.AlterField(
            model_name='chainentry',
            name='kind',
            field=models.CharField(choices=[('receipt', 'Receipt'), ('refund', 'Refund'), ('z_report', 'Z report'), ('reversal', 'Reversal of a refund')], max_length=8),
        ),
        migrations.AddIndex(
            model_name='refund',
            index=models.Index(condition=models.Q(('reversed_at__isnull', False)), fields=['tenant', 'reversed_at'], name='refund_by_reversal'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', False), ('receipt_number__isnull', False), ('reversed_at__isnull', True), ('status', 'done')), models.Q(('completed_at__isnull', False), ('receipt_number__isnull', False), ('reversed_at__isnull', False), ('status', 'failed')), models.Q(models.Q(('status', 'done'), _negated=True), ('receipt_number__isnull', True), ('reversed_at__isnull', True)), _connector='OR'), name='done_refund_has_a_receipt'),
        ),
    ]
