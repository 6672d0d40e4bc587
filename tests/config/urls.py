"""Small views that read input, refuse and fail, for tests of middleware and errors."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, re_path
from rest_framework.permissions import AllowAny
from rest_framework.renderers import StaticHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.api.fields import QuantityField, StrictCharField
from tenants.api.parsers import StrictFormParser, StrictJSONParser
from tenants.api.serializers import StrictSerializer

INTERNAL_DETAIL = "internal-detail-that-must-not-leak"
# The exception that the next request to `raising/` raises.
failure: dict[str, Exception] = {}


class Open(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


class Echo(Open):
    parser_classes = (StrictJSONParser,)

    def post(self, request: Request) -> Response:
        return Response({"read": request.data, "again": len(request.body)})


class EchoMuch(Echo):
    max_body_bytes = 2 * 1024 * 1024


class EchoForm(Open):
    parser_classes = (StrictJSONParser, StrictFormParser)

    def post(self, request: Request) -> Response:
        return Response({"read": request.data})


class Line(StrictSerializer):
    quantity = QuantityField()
    note = StrictCharField(max_length=10, required=False)


class Basket(StrictSerializer):
    lines = Line(many=True)
    note = StrictCharField(max_length=10, required=False)
    id = StrictCharField(max_length=10, read_only=True)


class Sell(Open):
    def post(self, request: Request) -> Response:
        basket = Basket(data=request.data)
        basket.is_valid(raise_exception=True)
        return Response({"lines": len(basket.validated_data["lines"])})


class Raising(Open):
    def get(self, request: Request, pk: str = "") -> Response:
        raise failure["next"]


class Page(Raising):
    """A view with HTML responses."""

    renderer_classes = (StaticHTMLRenderer,)


class Closed(APIView):
    """A view with the default authentication and permissions."""

    def get(self, request: Request) -> Response:
        raise AssertionError("the request must be rejected")


def broken(request: HttpRequest, **_: Any) -> HttpResponse:
    raise RuntimeError(INTERNAL_DETAIL)


urlpatterns = [
    path("api/echo/", Echo.as_view()),
    path("api/echo-much/", EchoMuch.as_view()),
    path("api/echo-form/", EchoForm.as_view()),
    path("api/sell/", Sell.as_view()),
    path("api/raising/", Raising.as_view()),
    path("api/page/", Page.as_view()),
    path("api/closed/", Closed.as_view()),
    path("api/v1/auth/token/", Echo.as_view()),
    path("api/broken/", broken),
    path("admin/broken/", broken),
    re_path(r"^api/things/(?P<pk>[0-9a-f-]{36})/\Z", Raising.as_view()),
]
handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
