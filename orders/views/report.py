"""Sales report as JSON, CSV or workbook."""

from dataclasses import asdict
from datetime import date
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from accounts.services.store_assignments import ensure_works_in, filter_stores
from orders.models import Order
from orders.serializers.report import (
    DeadStockReportSerializer,
    GoodsQuery,
    LowStockQuery,
    LowStockReportSerializer,
    MarginReportSerializer,
    ReportQuery,
    SalesReportSerializer,
    WasteReportQuery,
    WasteReportSerializer,
)
from orders.services.reports.csv_rows import build_file_name, build_workbook, generate_csv
from orders.services.reports.goods import (
    GoodsReport,
    build_csv,
    build_dead_stock_report,
    build_low_stock_report,
    build_margin_report,
    find_current_day,
)
from orders.services.reports.goods import build_file_name as build_goods_file_name
from orders.services.reports.goods import build_workbook as build_goods_workbook
from orders.services.reports.sales import GroupBy, Report, build_sales_report
from orders.services.reports.waste import build_waste_report
from tenants import workbook
from tenants.api.formats import format_number
from tenants.api.uploads import build_file_response, stream_csv
from tenants.api.views import TenantScopedViewSet, read_input
from tenants.business_days import DAY
from tenants.models import Store
from tenants.workbook import Quantity

FILE_FORMATS = ("csv", "xlsx")
# Of the rows of a report of goods as JSON; files have all.
MAX_GOODS = 1_000
DEAD_STOCK_DAYS = 90
DAYS_PARAMETERS = (
    OpenApiParameter("from", date, description="First business day; defaults to today."),
    OpenApiParameter("to", date, description="Last business day; defaults to `from`."),
)
GOODS_PARAMETERS = (
    OpenApiParameter("store", OpenApiTypes.UUID),
    OpenApiParameter("format", str, enum=["json", "csv", "xlsx"]),
)


def build_file_responses(serializer: Any) -> dict[Any, Any]:
    return {
        (200, "application/json"): serializer,
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
        (200, workbook.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
    }


QUERY_PARAMETERS = ("group_by", "from", "to", "store", "cashier", "format")


class ReportViewSet(TenantScopedViewSet):
    """Sales and refunds of a period. Each request calculates them; nothing is stored."""

    model = Order
    serializer_class = SalesReportSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = QUERY_PARAMETERS

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", str, enum=[each.value for each in GroupBy]),
            OpenApiParameter(
                "from",
                date,
                description="First business day; defaults to the current one of each store.",
            ),
            OpenApiParameter(
                "to",
                date,
                description="Last business day, within a year of `from`; defaults to `from`.",
            ),
            OpenApiParameter("store", OpenApiTypes.UUID),
            OpenApiParameter(
                "cashier",
                OpenApiTypes.UUID,
                description="Only sales and refunds of this user.",
            ),
            OpenApiParameter("format", str, enum=["json", "csv", "xlsx"]),
        ],
        responses={
            (200, "application/json"): SalesReportSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            (200, workbook.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def sales(self, request: Request) -> Any:
        """Report sales and refunds by hour, hour of the day or of the week, day, week, month,
        product, category, cashier, register, store, method, tax, discount, discounts by cashier or
        reason of refunds, in the business days of each store. A refund counts on the day, for the
        user and at the register of the refund. Grouped by discount, there is one row each for line
        discounts, order discounts and price overrides, with the number of orders and the amount
        deducted as `discount_total`."""
        query = read_input(ReportQuery, request.query_params.dict())
        if "store" in query:
            ensure_works_in([query["store"]], request.user)
        every = filter_stores(Store.objects.select_related("tenant"), request.user)
        report = build_sales_report(
            GroupBy(query.get("group_by", GroupBy.DAY)),
            [query["store"]] if "store" in query else every,
            query.get("from"),
            query.get("to"),
            query["cashier"].pk if "cashier" in query else None,
        )
        if query.get("format") == "csv":
            return build_csv_response(report)
        if query.get("format") == "xlsx":
            name = build_file_name(report, "xlsx")
            return build_file_response(build_workbook(report), workbook.CONTENT_TYPE, name)
        return Response(SalesReportSerializer(report).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", str, enum=["reason", "product"]),
            OpenApiParameter("from", date, description="First business day; defaults to today."),
            OpenApiParameter("to", date, description="Last business day; defaults to `from`."),
            OpenApiParameter("store", OpenApiTypes.UUID),
        ],
        responses=WasteReportSerializer,
    )
    def waste(self, request: Request) -> Response:
        """Report what was wasted in the business days of each store, by reason or by product, the
        most valuable first."""
        query = read_input(WasteReportQuery, request.query_params.dict())
        if "store" in query:
            ensure_works_in([query["store"]], request.user)
        every = filter_stores(Store.objects.select_related("tenant"), request.user)
        stores = [query["store"]] if "store" in query else list(every)
        report = build_waste_report(stores, query.get("from"), query.get("to"))
        by_product = query.get("group_by") == "product"
        rows = report.by_product if by_product else report.by_reason
        content = {"rows": rows, "times": report.times, "cost_total": report.cost_total}
        return Response(WasteReportSerializer(content).data)

    @extend_schema(
        parameters=[*GOODS_PARAMETERS],
        responses=build_file_responses(LowStockReportSerializer),
    )
    def low_stock(self, request: Request) -> Any:
        """Report the stock levels at or below their reorder point, and what is on the way."""
        query = read_input(LowStockQuery, request.query_params.dict())
        stores = self.find_stores(query)
        is_file = query.get("format") in FILE_FORMATS
        report = build_low_stock_report(stores, None if is_file else MAX_GOODS)
        return answer_goods(report, query.get("format"), LowStockReportSerializer)

    @extend_schema(
        parameters=[
            *DAYS_PARAMETERS,
            *GOODS_PARAMETERS,
        ],
        responses=build_file_responses(DeadStockReportSerializer),
    )
    def dead_stock(self, request: Request) -> Any:
        """Report stock that was there before a period and of which none was sold in it, with its
        value at cost. Without days it is of the last 90 business days."""
        query = read_input(GoodsQuery, request.query_params.dict())
        stores = self.find_stores(query)
        today = find_current_day(stores)
        first = query.get("from", today - (DEAD_STOCK_DAYS - 1) * DAY)
        last = query.get("to", query.get("from", today))
        is_file = query.get("format") in FILE_FORMATS
        report = build_dead_stock_report(stores, first, last, None if is_file else MAX_GOODS)
        return answer_goods(report, query.get("format"), DeadStockReportSerializer)

    @extend_schema(
        parameters=[
            *DAYS_PARAMETERS,
            *GOODS_PARAMETERS,
        ],
        responses=build_file_responses(MarginReportSerializer),
    )
    def margins(self, request: Request) -> Any:
        """Report what each product earned: sales less refunds, without taxes, less the cost that
        the product has today. Orders store no cost, so a changed cost changes earlier periods."""
        query = read_input(GoodsQuery, request.query_params.dict())
        is_file = query.get("format") in FILE_FORMATS
        limit = None if is_file else MAX_GOODS
        stores = self.find_stores(query)
        report = build_margin_report(stores, query.get("from"), query.get("to"), limit)
        return answer_goods(report, query.get("format"), MarginReportSerializer)

    def find_stores(self, query: dict[str, Any]) -> list[Store]:
        """Return the store of the query, or all that the user may see. Raises `NotPermitted`."""
        if "store" in query:
            ensure_works_in([query["store"]], self.request.user)
            return [query["store"]]
        return list(filter_stores(Store.objects.select_related("tenant"), self.request.user))


def answer_goods(report: GoodsReport, kind: str | None, serializer: Any) -> Any:
    """Return the report as JSON or as a file."""
    if kind in FILE_FORMATS:
        return build_goods_file(report, kind)
    totals = asdict(report.totals) if report.totals else {}
    rows = [
        dict(zip(report.columns, map(format_goods, cells), strict=True))
        for cells in report.list_cells()
    ]
    return Response(serializer({"rows": rows, "row_count": report.row_count, **totals}).data)


def format_goods(cell: Any) -> Any:
    return format_number(cell) if isinstance(cell, Quantity) else cell


def build_goods_file(report: GoodsReport, kind: str) -> Any:
    """Return all rows of the report as CSV or as a workbook."""
    name = build_goods_file_name(report, kind)
    if kind == "csv":
        return stream_csv([build_csv(report)], filename=name)
    return build_file_response(build_goods_workbook(report), workbook.CONTENT_TYPE, name)


def build_csv_response(report: Report) -> StreamingHttpResponse:
    """Stream the rows of the report as CSV."""
    return stream_csv(generate_csv(report.format_rows()), filename=build_file_name(report))
