import uuid

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_proxies'),
    ]

    operations = [
        migrations.AlterField(
            model_name='authsession',
            name='current_jti',
            field=models.UUIDField(default=uuid.uuid4, null=True),
        ),
        migrations.AlterField(
            model_name='authsession',
            name='revoke_reason',
            field=models.CharField(blank=True, choices=[('logout', 'Logged out'), ('logout_all', 'Logged out everywhere'), ('refresh_reuse', 'A used refresh token came again'), ('password', 'Password changed'), ('role', 'Role changed'), ('deactivated', 'Deactivated'), ('revoked', 'Ended from another device'), ('by_staff', 'Ended by a manager'), ('switched', 'Somebody else took over the terminal'), ('unpaired', 'Terminal unpaired'), ('closed', 'Register or store closed'), ('pin', 'PIN changed')], max_length=15),
        ),
    ]
