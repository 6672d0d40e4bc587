"""The OpenAPI document, and Swagger UI without external hosts."""

from functools import lru_cache

from django.conf import settings
from django.http import HttpResponse
from django.views.generic import RedirectView
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView


@extend_schema(exclude=True)
class SchemaView(APIView):
    """The OpenAPI document as JSON, or as YAML on request."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def get(self, request: Request) -> HttpResponse:
        if settings.DEBUG:
            render_document.cache_clear()
        renderer = request.accepted_renderer
        return HttpResponse(render_document(renderer.media_type), content_type=renderer.media_type)


@lru_cache
def render_document(media_type: str) -> bytes:
    """Return the document. Cached per process, because rendering takes a second."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    document = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    renderer = next(each for each in SchemaView.renderer_classes if each.media_type == media_type)
    content = renderer().render(document, renderer_context={})
    return content if isinstance(content, bytes) else content.encode()


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI without inline scripts, which the Content-Security-Policy forbids."""

    url_name = "schema"
    template_name = "docs/swagger.html"
    throttle_classes = []


schema = SchemaView.as_view()
docs = DocsView.as_view()
home = RedirectView.as_view(pattern_name="docs", permanent=False)
