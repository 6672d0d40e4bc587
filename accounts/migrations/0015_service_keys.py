"""Service keys, and their users, who have a tenant but no role."""

import django.db.models.deletion
import tenants.ids
import tenants.scope
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0014_pairing_codes'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('tenants', '0012_price_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='ServiceKey',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=100)),
                ('scopes', models.JSONField(default=list)),
                ('secret_hash', models.CharField(editable=False, max_length=64)),
                ('hint', models.CharField(editable=False, max_length=4)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('created_by', models.ForeignKey(db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('user', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'service key',
                'verbose_name_plural': 'service keys',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.RemoveConstraint(
            model_name='user',
            name='only_platform_users_have_no_tenant',
        ),
        migrations.AddField(
            model_name='user',
            name='is_service',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('is_superuser', True), ('role', ''), ('tenant__isnull', True)), models.Q(('is_superuser', False), ('role__in', ['cashier', 'manager', 'admin']), ('tenant__isnull', False)), models.Q(('is_service', True), ('is_superuser', False), ('role', ''), ('tenant__isnull', False)), _connector='OR'), name='only_platform_users_have_no_tenant'),
        ),
        migrations.AddIndex(
            model_name='servicekey',
            index=models.Index(fields=['tenant', '-created_at', '-id'], name='service_key_by_time'),
        ),
        migrations.AddConstraint(
            model_name='servicekey',
            constraint=models.UniqueConstraint(fields=('tenant', 'secret_hash'), name='service_key_is_unique'),
        ),
    ]
