"""Images of products for tests."""

from io import BytesIO
from typing import Any

from PIL import Image

from accounts.models import User
from orders.models import Product
from orders.models.product_image import build_image_code
from orders.services.catalog.product_images import replace_image
from orders.services.images import normalize_image
from tenants.scope import tenant_scope


def build_image(
    width: int = 12, height: int = 8, kind: str = "PNG", mode: str = "RGB", **options: Any
) -> bytes:
    """Return an image file: red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (width // 2, 0, width, height))
    file = BytesIO()
    picture.convert(mode).save(file, kind, **options)
    return file.getvalue()


def open_image(content: bytes) -> Any:
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def build_form_body(content: bytes, name: str = "file") -> bytes:
    """Return a multipart form with the boundary `b`."""
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="photo.png"\r\n\r\n'
    return head.encode() + content + b"\r\n--b--\r\n"


def create_image(product: Product, by: User, **options: Any) -> str:
    """Set the image of a product and return its code."""
    with tenant_scope(product.tenant):
        image = normalize_image(build_image(**options), "file")
        replace_image(product.pk, image, expected_version=None, by=by)
        return build_image_code(product.tenant_id, image.hash)
