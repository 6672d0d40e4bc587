"""Images of products: addresses that need no log-in, because pages show them without a token."""

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.views.auth import UnauthenticatedView
from orders.models.product_image import parse_image_code
from orders.services.catalog.product_images import load_image
from orders.services.images import CONTENT_TYPE
from tenants.api.filters import check_parameters
from tenants.models import Tenant
from tenants.scope import tenant_scope

# Another image has another address.
CACHE_CONTROL = "public, max-age=31536000, immutable"
CODE = OpenApiParameter(
    "code",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    OpenApiParameter.PATH,
    description="The last part of the `url` in `image` of a product.",
)
RESPONSES = {(200, CONTENT_TYPE): OpenApiResponse(OpenApiTypes.BINARY)}


class WebPRenderer(BaseRenderer):
    """Content negotiation for images; the view returns its own response."""

    media_type = CONTENT_TYPE
    format = "webp"


class ImageView(UnauthenticatedView):
    """An image of a product."""

    renderer_classes = (WebPRenderer, JSONRenderer)
    is_thumbnail = False

    @extend_schema(parameters=[CODE], responses=RESPONSES)
    def get(self, request: Request, code: str) -> HttpResponse:
        """Return an image of a product, as WebP.

        The address is in the `image` of the product. It needs no log-in and is cached permanently.
        """
        check_parameters(request.query_params, frozenset())
        content = find_content(code, thumbnail=self.is_thumbnail)
        if content is None:
            raise Http404
        headers = {"Cache-Control": CACHE_CONTROL}
        return HttpResponse(content, content_type=CONTENT_TYPE, headers=headers)


class ThumbnailView(ImageView):
    """The thumbnail of an image of a product."""

    is_thumbnail = True

    @extend_schema(parameters=[CODE], responses=RESPONSES)
    def get(self, request: Request, code: str) -> HttpResponse:
        """Return the thumbnail of an image, as WebP of at most 320 pixels in width and height.

        The address is in the `image` of the product. It needs no log-in and is cached permanently.
        """
        return super().get(request, code)


def find_content(code: str, **which: Any) -> bytes | None:
    """Return the bytes of an image, or None for an unknown code or shop."""
    try:
        tenant_id, image_hash = parse_image_code(code)
    except ValueError:
        return None
    tenant = Tenant.objects.filter(pk=tenant_id, is_active=True).first()
    if tenant is None:
        return None
    with tenant_scope(tenant):
        return load_image(image_hash, **which)
