"""Images of products: set, remove and load."""

from typing import Any

from accounts.models import User
from orders.models import Product, ProductImage
from orders.services.images import NormalizedImage
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.scope import atomic_with_retry


@atomic_with_retry
def replace_image(
    product_id: Any, image: NormalizedImage | None, *, expected_version: int | None, by: User
) -> Product:
    """Set the image of a product, or remove it. Raises `VersionConflict`."""
    product = Product.objects.select_for_update(no_key=True).get(pk=product_id)
    product.ensure_version(expected_version)
    write_image(product, image, by=by)
    return Product.objects.with_barcodes().get(pk=product.pk)


def write_image(product: Product, image: NormalizedImage | None, *, by: User) -> None:
    """Set the image of a locked product, or remove it. The same image changes nothing."""
    facts = image and {"hash": image.hash, "width": image.width, "height": image.height}
    changes = audit.changes(product, {"image": facts})
    if not changes:
        return
    if image is None:
        ProductImage.objects.filter(product=product).delete()
    else:
        ProductImage.objects.update_or_create(
            product=product,
            defaults={"hash": image.hash, "image": image.image, "thumbnail": image.thumbnail},
        )
    product.image = facts
    product.save_changes("image")
    publish_row(product, is_new=False)
    audit.record("product_changed", actor=by, target=product, changes=changes)


def load_image(image_hash: str, *, thumbnail: bool) -> bytes | None:
    """Return the bytes of an image of the current tenant, or of its thumbnail."""
    column = "thumbnail" if thumbnail else "image"
    rows = ProductImage.objects.filter(hash=image_hash).order_by("pk")
    found = rows.values_list(column, flat=True).first()
    return None if found is None else bytes(found)
