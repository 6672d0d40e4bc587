from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0002_pages_with_room'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='taxclass',
            options={'base_manager_name': 'objects', 'verbose_name_plural': 'tax classes'},
        ),
    ]
