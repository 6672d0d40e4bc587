"""Import of catalog files, and export as CSV."""

import json
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
from orders.serializers.catalog_file import (
    FILE_SCHEMA,
    FORM_FIELDS,
    MAX_FILE_BYTES,
    ImportOptionsInput,
    ImportReportSerializer,
    build_import_options,
)
from orders.services.catalog.csv_export import export_products
from orders.services.catalog.csv_import import import_products
from tenants.api.filters import check_parameters
from tenants.api.uploads import (
    CSVParser,
    CSVRenderer,
    FileFormParser,
    XLSXParser,
    get_form_fields,
    get_uploaded_file,
    hash_file,
    stream_csv,
)
from tenants.api.views import read_input
from tenants.exceptions import Invalid
from tenants.scope import current_tenant

BOOLEANS = {"1": True, "true": True, "0": False, "false": False}
IMPORT_DESCRIPTION = """\
A file of at most 16 MiB and 100,000 products with a header row and columns in any order: CSV
(UTF-8, UTF-16 or Windows-1252; comma, semicolon or tab) or the first sheet of an .xlsx workbook.
Export files of Shopify, Square, Loyverse, WooCommerce, Lightspeed, Odoo and opensourcepos are
recognized by their headings; `format` says as what the file was read. For any other file, `mapping`
has the column of each heading. The columns are:

- `sku` identifies the product.
- `name` and `price` are required for new products.
- `barcodes` replaces all barcodes of the product. Separate them with | or ; and escape these and
  commas with a backslash. Spellings of the same GTIN are one barcode.
- `category` is a name; a new category is created if there is none. `tax_class` is the name of an
  existing tax class; `tax_percent` finds the only one with this rate.
- `plu` is the number of the product on labels of scales; an empty cell removes it.
- `external_id` is the id in another system, unique; an empty cell removes it.
- `weight_unit` is kg or lb.
- `content` is what one unit contains, in `content_unit`: g, kg, ml, l, m, m2 or piece. `cost` is
  what the shop pays for one unit.
- `parent` is the SKU of the product that a row is a variant of, and `options` are written as
  `Size: M | Color: Red`, or in columns such as `option [Size]`.
- `modifier_lists` are names of modifier lists of the shop, in the order in which they are offered:
  `Size | Milk`. An empty cell removes them.
- `deposit` is the SKU of the product that is charged with every unit. It may be in the same file.
- `sold_by` is unit or weight; `open_price`, `track_stock`, `is_active` and `returnable` are yes or
  no.
- `stock`, or `stock [name of a store]`, is the opening stock of products that the store never had.
  Existing stock levels do not change.
- `currency` must be that of the shop.

A missing column changes nothing. An empty cell changes nothing in `sold_by`, `weight_unit`,
`open_price`, `track_stock`, `is_active` and `returnable`; in the other optional columns it removes
the value. Other columns are ignored with a warning. Products that are not in the file stay.

Prices have a decimal point or comma, as their column shows: 1.250 alone is read by the country of
the shop. Codes that a spreadsheet has damaged are restored or refused.

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
    form_fields: tuple[str, ...] = ()

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
        parser_classes=(FileFormParser, CSVParser, XLSXParser),
        permission_classes=(IsManager,),
        max_body_bytes=MAX_FILE_BYTES,
        form_fields=FORM_FIELDS,
    )
    def import_file(self, request: Request) -> Response:
        check_parameters(request.query_params, frozenset({"dry_run"}))
        dry_run = BOOLEANS.get(request.query_params.get("dry_run", "0"))
        if dry_run is None:
            raise Invalid.field("dry_run", "Must be 1 or 0.")
        file = get_uploaded_file(request)
        options = build_import_options(read_input(ImportOptionsInput, get_form_fields(request)))
        report = import_products(file, options, dry_run=dry_run, by=request.user)
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
        import removes. Service keys get no column `cost`.
        """
        check_parameters(request.query_params, frozenset())
        shop = current_tenant()
        products = export_products(shop, with_cost=not request.user.is_service)
        name = f"{shop.slug}-products-{timezone.now():%Y-%m-%d}.csv"
        return stream_csv(products, filename=name)

    def request_content(self: Any, request: Request) -> bytes:
        """Return what is compared for a repeated Idempotency-Key: for a file, its digest."""
        if self.action != "import_file":
            return super().request_content(request)
        fields = json.dumps(get_form_fields(request), sort_keys=True)
        query = request.META.get("QUERY_STRING", "")
        return hash_file(get_uploaded_file(request)) + f"{query}{fields}".encode()
