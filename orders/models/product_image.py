"""Images of products, in a table of their own, so that no list of products reads them."""

from typing import Any, ClassVar
from uuid import UUID

from django.db import models

from orders.models.catalog import Product
from tenants.models import TenantOwned

HASH_LENGTH = 32


class ProductImage(TenantOwned):
    """The image of a product and its thumbnail, both as WebP.

    In the database, because every web server has it, and row-level security and backups include it.
    """

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+", db_index=False)
    # Names the bytes of the image, and with its thumbnail its address.
    hash = models.CharField(max_length=HASH_LENGTH)
    image = models.BinaryField()
    thumbnail = models.BinaryField()

    class Meta(TenantOwned.Meta):
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "product"], name="product_image_is_the_only_one"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "hash"], name="product_image_by_hash"),
        ]

    def __str__(self) -> str:
        return self.hash


def build_image_code(tenant_id: UUID | str, image_hash: str) -> str:
    """Return the code in the address of an image: its shop and the hash of its bytes.

    Nobody can guess it without the image, so that it can be read without a log-in.
    """
    return f"{tenant_id}".replace("-", "") + image_hash


def parse_image_code(code: str) -> tuple[UUID, str]:
    """Return the shop and the hash of a code. Raises ValueError for another text."""
    if len(code) != 2 * HASH_LENGTH or not code.isascii() or not code.isalnum():
        raise ValueError(code)
    return UUID(hex=code[:HASH_LENGTH]), code[HASH_LENGTH:]
