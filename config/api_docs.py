"""The OpenAPI document, and Swagger UI without external hosts.

The setting API_DOCS says who may read them: everybody (`public`), users with an access token or a
session of the admin pages (`staff`), or nobody (`off`).
"""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.admin_site.middleware import get_request_user
from accounts.authentication import SessionTokenAuthentication


def ensure_may_read(request: Request) -> None:
    """Raise Http404 if there are no API docs, NotAuthenticated if they are for users only."""
    if settings.API_DOCS == "off":
        raise Http404
    if settings.API_DOCS == "staff" and not is_user(request):
        raise NotAuthenticated


def is_user(request: Request) -> bool:
    """Return whether an access token or a session of the admin pages names an active user."""
    if SessionTokenAuthentication().authenticate(request) is not None:
        return True
    # Requests to the API skip the middleware of sessions.
    page_request: Any = request._request
    page_request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return bool(get_request_user(page_request).is_authenticated)


@extend_schema(exclude=True)
class SchemaView(APIView):
    """The OpenAPI document as JSON, or as YAML on request."""

    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]
    authentication_classes = []
    permission_classes = [AllowAny]
    throttle_classes = []

    def get(self, request: Request) -> HttpResponse:
        ensure_may_read(request)
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

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            ensure_may_read(request)
        except NotAuthenticated:
            query = urlencode({"next": request.path})
            return redirect(f"{reverse('shop:login')}?{query}")
        response: HttpResponseBase = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response


schema = SchemaView.as_view()
docs = DocsView.as_view()


def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the Swagger page, or to the admin pages if there is none."""
    return redirect("shop:index" if settings.API_DOCS == "off" else "docs")
