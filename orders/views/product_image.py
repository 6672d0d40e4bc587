"""Upload and removal of the image of a product."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from orders.serializers.catalog import ProductSerializer
from orders.services.catalog.product_images import replace_image
from orders.services.images import MAX_IMAGE_BYTES, normalize_image
from tenants.api.uploads import (
    FIELD,
    FileFormParser,
    JPEGParser,
    PNGParser,
    WebPParser,
    get_uploaded_file,
)

# Only the form, because generators of clients do not understand several types of a body.
IMAGE_SCHEMA = {
    "multipart/form-data": {
        "type": "object",
        "required": [FIELD],
        "additionalProperties": False,
        "properties": {FIELD: {"type": "string", "format": "binary"}},
    }
}
# What a form has beside its file.
MAX_FORM_OVERHEAD = 16 * 1024
DESCRIPTION = """\
A PNG, JPEG or WebP file of at most 1 MiB and 16 megapixels, in a form or as the whole body with its
media type. It is saved as WebP of at most 1600 pixels in width and height, with a thumbnail of at
most 320; the orientation is applied, and metadata such as the place is removed. The addresses are
in `image` of the product. The same image again changes nothing."""


class ProductImageMixin:
    """The image of a product: PUT and DELETE, for managers."""

    @extend_schema(request=IMAGE_SCHEMA, responses=ProductSerializer, description=DESCRIPTION)
    @action(
        detail=True,
        methods=["put"],
        url_path="image",
        url_name="image",
        parser_classes=(FileFormParser, PNGParser, JPEGParser, WebPParser),
        max_body_bytes=MAX_IMAGE_BYTES + MAX_FORM_OVERHEAD,
    )
    def set_image(self: Any, request: Request, pk: Any) -> Response:
        expected = self.if_match(required=True)
        product = self.get_object()
        product.ensure_version(expected)
        file = get_uploaded_file(request)
        file.seek(0)
        # Outside of a transaction, because it takes long.
        image = normalize_image(file.read(), FIELD)
        return self.answer(
            replace_image(product.pk, image, expected_version=expected, by=request.user)
        )

    @extend_schema(request=None, responses={200: ProductSerializer})
    @set_image.mapping.delete
    def remove_image(self: Any, request: Request, pk: Any) -> Response:
        """Remove the image of a product."""
        expected = self.if_match(required=False)
        product = self.get_object()
        return self.answer(
            replace_image(product.pk, None, expected_version=expected, by=request.user)
        )
