"""Receipts and Z reports over HTTP, in the format that `?format=` names."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from orders.models import Receipt, Refund
from orders.serializers.receipt import FiscalTextsInput, FiscalTextsSerializer
from orders.services.documents.document import Document
from orders.services.documents.fiscal import FiscalTexts, write_fiscal_texts
from orders.services.documents.print import (
    RENDERERS,
    preview_document,
    print_document,
    render_document,
)
from orders.services.documents.refund_receipt import RefundReceipt
from orders.services.documents.sale_receipt import SaleReceipt
from tenants.api.filters import parse_boolean
from tenants.api.formats import FormatError
from tenants.api.views import TenantScopedViewSet
from tenants.exceptions import Invalid

FORMATS = ("json", *RENDERERS)
PRINT_DESCRIPTION = (
    "`json` returns the data. Every other format counts as a print: the first is the original, "
    "later ones are marked COPY with their number."
)
GIFT_DESCRIPTION = (
    "`prices=false` returns a gift receipt, with the goods and without any amount. It does not "
    "count as a print."
)
GIFT_PARAMETER = OpenApiParameter(
    "prices", bool, default=True, description="`false` for a gift receipt."
)
View = TypeVar("View", bound=Callable[..., Any])


class FormatParameterNegotiation(BaseContentNegotiation):
    """Content negotiation by `?format=` alone, without the Accept header."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next((p for p in parsers if p.media_type == request.content_type), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


def extend_document_schema(
    serializer: type[Serializer[Any]],
    description: str | None = None,
    *parameters: OpenApiParameter,
) -> Callable[[View], View]:
    """Describe a route that returns a document in all formats in the OpenAPI document."""
    text = OpenApiResponse(OpenApiTypes.STR)
    file = OpenApiResponse(OpenApiTypes.BINARY)
    schema: Callable[[View], View] = extend_schema(
        description=description,
        parameters=[OpenApiParameter("format", str, enum=FORMATS, default="json"), *parameters],
        responses={
            (200, "application/json"): serializer,
            (200, "text/html"): text,
            (200, "text/plain"): text,
            (200, "application/pdf"): file,
            (200, "application/octet-stream"): file,
        },
    )
    return schema


def parse_format(request: Request) -> str:
    form = request.query_params.get("format", "json")
    if form not in FORMATS:
        raise Invalid.field("format", f"Must be one of {', '.join(FORMATS)}.")
    return form


def parse_flag(request: Request, name: str, *, default: bool) -> bool:
    """Return a query parameter that is `true` or `false`."""
    text = request.query_params.get(name)
    try:
        return default if text is None else parse_boolean(text)
    except FormatError as error:
        raise Invalid.field(name, "Must be true or false.") from error


def build_receipt_response(
    receipt: SaleReceipt | RefundReceipt, form: str, request: Request
) -> HttpResponse:
    """Return a print of the receipt. HEAD does not count as one."""
    if request.method == "HEAD":
        return build_document_response(preview_document(receipt, form), form)
    return build_document_response(print_document(receipt, form, by=request.user), form)


def build_document_response(document: Document, form: str) -> HttpResponse:
    content, headers = render_document(document, form)
    return HttpResponse(content, headers=headers)


def write_fiscal(row: Receipt | Refund, view: TenantScopedViewSet) -> Response:
    """Write the fiscal texts of the request on a receipt or refund receipt."""
    session, given = view.request.auth, view.validated(FiscalTextsInput)
    written = write_fiscal_texts(
        row, FiscalTexts(**given), at_register=session.register_id, by=view.request.user
    )
    return Response(FiscalTextsSerializer(written.fiscal).data, status=status.HTTP_201_CREATED)
