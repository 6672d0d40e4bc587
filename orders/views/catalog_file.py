"""Import and export of the catalog as CSV."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from orders.serializers.catalog_file import FILE_SCHEMA, ImportReportSerializer
from orders.services.catalog.csv_export import export_products
from orders.services.catalog.csv_import import import_products
from tenants.api.filters import check_parameters
from tenants.api.uploads import (
    CSVParser,
    CSVRenderer,
    FileFormParser,
    get_uploaded_file,
    hash_file,
    stream_csv,
)
from tenants.exceptions import Invalid
from tenants.scope import current_tenant

MAX_FILE_BYTES = 16 * 1024 * 1024
BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
IMPORT_DESCRIPTION = """\
A CSV file of at most 16 MiB and 100,000 products: UTF-8, comma or semicolon, a header row, columns
in any order.

- `sku` identifies the product.
- `name` and `price` are required for new products.
- `barcodes` replaces all barcodes of the product. Separate them with | or ; and escape these with a
  backslash. Spellings of the same GTIN are one barcode.
- `category` is a name; a new category is created if there is none. `tax_class` is the name of an
  existing tax class.
- `plu` is the number of the product on labels of scales; an empty cell removes it.
- `weight_unit` is kg or lb.
- `deposit` is the SKU of the product that is charged with every unit. It may be in the same file.
- `sold_by` is unit or weight; `open_price`, `track_stock`, `is_active` and `returnable` are true or
  false.

A missing column changes nothing. An empty cell changes nothing in `weight_unit` and the last five
columns; in the others it removes the value. Products that are not in the file stay.

The import is all or nothing. Invalid rows are answered with 400 `invalid_rows`: the same counts,
the first 100 `errors` with their `row` (the header is row 1), and their `error_count`. With
`dry_run=1` nothing is written, and invalid rows are part of the report, which is 200. The file may
also be the whole body, as `text/csv`."""
DRY_RUN = OpenApiParameter(
    "dry_run",
    str,
    enum=["1", "0"],
    default="0",
    description="1 writes nothing and answers 200 with the expected result, invalid rows included.",
)


class CatalogFileMixin:
    """Catalog import and export actions, for managers."""

    max_body_bytes: int | None = None
    multi_transaction_actions: tuple[str, ...] = ("import_file",)

    @extend_schema(
        description=IMPORT_DESCRIPTION,
        request=FILE_SCHEMA,
        parameters=[DRY_RUN],
        responses=ImportReportSerializer,
    )
    @action(
        detail=False,
        methods=["post"],
        url_path="import",
        url_name="import",
        parser_classes=(FileFormParser, CSVParser),
        permission_classes=(IsManager,),
        max_body_bytes=MAX_FILE_BYTES,
    )
    def import_file(self, request: Request) -> Response:
        check_parameters(request.query_params, frozenset({"dry_run"}))
        dry_run = BOOLEANS.get(request.query_params.get("dry_run", "0"))
        if dry_run is None:
            raise Invalid.field("dry_run", "Must be 1 or 0.")
        report = import_products(get_uploaded_file(request), dry_run=dry_run, by=request.user)
        return Response(ImportReportSerializer(report).data)

    @extend_schema(
        responses={
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR,
                "The same columns as the import; importing the file changes nothing.",
            )
        }
    )
    @action(
        detail=False,
        methods=["get"],
        permission_classes=(IsManager,),
        renderer_classes=(CSVRenderer, JSONRenderer),
        pagination_class=None,
        filterset_class=None,
    )
    def export(self, request: Request) -> StreamingHttpResponse:
        """Export the whole catalog as CSV.

        Cells that a spreadsheet would read as a formula get an apostrophe in front, which the
        import removes.
        """
        check_parameters(request.query_params, frozenset())
        shop = current_tenant()
        name = f"{shop.slug}-products-{timezone.now():%Y-%m-%d}.csv"
        return stream_csv(export_products(shop), filename=name)

    def request_content(self: Any, request: Request) -> bytes:
        """Return what is compared for a repeated Idempotency-Key: for a file, its digest."""
        if self.action != "import_file":
            return super().request_content(request)
        return hash_file(get_uploaded_file(request)) + request.META.get("QUERY_STRING", "").encode()
