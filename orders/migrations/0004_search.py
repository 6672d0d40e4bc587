"""Room for what the search looks at, and an index that finds parts of words in it."""

import orders.models.search_text
from django.db import DatabaseError, migrations, models, transaction
from orders.models.search_text import search_text_of

CHUNK = 500
EXTENSIONS = ("pg_trgm", "btree_gin")
# The list of entries still to be sorted in is read by every search: kept short, writes in bulk are
# nearly as cheap as with the usual 4 MB.
TRIGRAMS = """
CREATE INDEX product_search ON orders_product USING gin (tenant_id, search_text gin_trgm_ops)
WITH (gin_pending_list_limit = 256)
"""
# Without trigrams all products of a shop are looked through, here without a look at their rows.
COVERING = "CREATE INDEX product_search ON orders_product (tenant_id, search_text)"


def fill(apps, schema_editor):
    Product = apps.get_model("orders", "Product")
    products = Product.objects.using(schema_editor.connection.alias).order_by("pk")
    chunk = list(products[:CHUNK])
    while chunk:
        for product in chunk:
            product.search_text = search_text_of(product.name, product.sku)
        products.bulk_update(chunk, ["search_text"])
        chunk = list(products.filter(pk__gt=chunk[-1].pk)[:CHUNK])


def index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.execute(COVERING)
    elif all([has_extension(schema_editor, name) for name in EXTENSIONS]):
        schema_editor.execute(TRIGRAMS)


def has_extension(schema_editor, name):
    """Make it where that is allowed; where not, the search does with words without typos."""
    with schema_editor.connection.cursor() as cursor:
        # On Citus only a superuser may repeat the command for an extension that exists.
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = %s", [name])
        if cursor.fetchone():
            return True
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute(f"CREATE EXTENSION IF NOT EXISTS {name}")
    except DatabaseError:
        return False
    return True


def drop_index(apps, schema_editor):
    schema_editor.execute("DROP INDEX IF EXISTS product_search")


class Migration(migrations.Migration):
    dependencies = [("orders", "0003_whole_sale")]
    operations = [
        migrations.AddField(
            model_name="product",
            name="search_text",
            field=orders.models.search_text.SearchTextField(blank=True, default="", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(index, drop_index),
    ]
