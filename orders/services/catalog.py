"""Writing the catalog: products with their barcodes."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction

from orders.exceptions import BarcodeTaken, SkuTaken
from orders.models import Barcode, Product
from orders.models.catalog import folded
from tenants.ids import is_duplicate
from tenants.scope import deed


@deed
def write_product(
    product: Product, changes: dict[str, Any], *, barcodes: Sequence[str] | None = None
) -> Product:
    """Create or change a product; `barcodes` are all that it has then, None leaves them."""
    for name, value in changes.items():
        setattr(product, name, value)
    is_new = product._state.adding
    product.clean_fields()
    _ensure_sku_is_free(product)
    try:
        with transaction.atomic():
            product.save(force_insert=True) if is_new else product.save_changes(*changes)
            if barcodes is not None:
                _set_barcodes(product, barcodes)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise SkuTaken from error
    return Product.objects.with_barcodes().get(pk=product.pk)


def _ensure_sku_is_free(product: Product) -> None:
    if Product.objects.filter(sku=product.sku).exclude(pk=product.pk).exists():
        raise SkuTaken


def _set_barcodes(product: Product, barcodes: Sequence[str]) -> None:
    codes = {folded(code) for code in barcodes}
    taken = Barcode.objects.filter(code__in=codes).exclude(product=product).first()
    if taken is not None:
        raise BarcodeTaken(barcode=taken.code)
    product.barcodes.exclude(code__in=codes).delete()
    known = set(product.barcodes.values_list("code", flat=True))
    Barcode.objects.bulk_create(
        [Barcode(product=product, code=code) for code in sorted(codes - known)]
    )
