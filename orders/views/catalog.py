"""Catalog views. Everybody reads; managers write; admins write tax classes."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import (
    WRITE_METHODS,
    IsAdmin,
    IsManager,
    IsStaff,
    ReadOnly,
    ensure_password_session,
)
from orders.codes import normalize_plu
from orders.models import Category, Product, TaxClass
from orders.models.catalog import normalize_code
from orders.serializers.catalog import (
    CategoryInput,
    CategorySerializer,
    ProductCostSerializer,
    ProductInput,
    ProductSerializer,
    TaxClassInput,
    TaxClassSerializer,
)
from orders.services.catalog.products import PRICE_FIELDS, write_product
from orders.services.catalog.scanned_codes import find_scanned_product
from orders.services.catalog.search import search_products
from orders.views.catalog_file import CatalogFileMixin
from orders.views.product_image import ProductImageMixin
from tenants.api.filters import (
    DecimalFilter,
    IdFilter,
    SearchFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    TextFilter,
    UpdatedSinceFilter,
    UpdatedSinceFilterSet,
)
from tenants.api.views import CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet


class TaxClassViewSet(CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Tax classes. Existing orders keep the rates of the time of sale."""

    model = TaxClass
    serializer_class = TaxClassSerializer
    input_class = TaxClassInput
    audit_name = "tax_class"
    permission_classes = (IsAdmin | (ReadOnly & IsStaff),)
    password_only = WRITE_METHODS
    filterset_class = UpdatedSinceFilterSet
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"


class CategoryViewSet(CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Product categories."""

    model = Category
    serializer_class = CategorySerializer
    input_class = CategoryInput
    audit_name = "category"
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = UpdatedSinceFilterSet
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"


BARCODE_DESCRIPTION = (
    "A barcode, a GS1 code, or the label of a scale by the barcode rules. All spellings of a "
    "GTIN find the same product: UPC-E, UPC-A, EAN-13 and GTIN-14 with leading zeros."
)
SEARCH_DESCRIPTION = """\
A barcode, a SKU, or words in any order. Each word must be part of the name or SKU; case and
accents are ignored; a word of one or two letters must be the beginning of a word. On PostgreSQL,
similar spellings are found if nothing matches exactly. Other filters narrow the result.

Without `ordering` the best matches come first: barcode, SKU, names that begin with the search
text, names with words that begin with it, then the rest; ties are sorted by name."""


class ProductFilter(StrictFilterSet):
    search = SearchFilter(method="filter_search", strip=False, help_text=SEARCH_DESCRIPTION)
    # A separator of GS1 at the beginning must not be stripped.
    barcode = TextFilter(method="filter_barcode", strip=False, help_text=BARCODE_DESCRIPTION)
    sku = TextFilter(method="filter_sku")
    external_id = TextFilter()
    plu = TextFilter(method="filter_plu", help_text="Leading zeros are ignored.")
    category = IdFilter()
    parent = IdFilter(help_text="The variants of this product.")
    is_active = StrictBooleanFilter()
    price_min = DecimalFilter(field_name="price", lookup_expr="gte")
    price_max = DecimalFilter(field_name="price", lookup_expr="lte")
    updated_since = UpdatedSinceFilter()

    def filter_search(self, products: Any, name: str, value: str) -> Any:
        return search_products(products, value)

    def filter_barcode(self, products: Any, name: str, value: str) -> Any:
        found = find_scanned_product(value)
        return products.filter(pk=found) if found else products.none()

    def filter_plu(self, products: Any, name: str, value: str) -> Any:
        return products.filter(plu=normalize_plu(value))

    def filter_sku(self, products: Any, name: str, value: str) -> Any:
        return products.filter(sku=normalize_code(value))


class ProductViewSet(CatalogFileMixin, ProductImageMixin, ListRetrieveMixin, TenantScopedViewSet):
    """Products of the shop."""

    model = Product
    serializer_class = ProductSerializer
    input_class = ProductInput
    permission_classes = (IsManager | (ReadOnly & IsStaff),)
    multi_transaction_actions = ("import_file", "set_image", "remove_image")
    actions_checking_version = ("set_image", "remove_image")
    # New products and imports set prices.
    password_only = ("POST",)
    filterset_class = ProductFilter
    has_conditional_get = True
    ordering_fields = {
        "name": ("name",),
        "price": ("price",),
        "updated_at": ("updated_at",),
    }
    ordering = "name"

    def rows(self) -> Any:
        return Product.objects.with_barcodes()

    def create(self, request: Request) -> Response:
        product = self.save(Product(), self.validated(self.input_class))
        return self.answer(product, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a product. Changes of price, unit or taxes need a log-in by password."""
        expected = self.if_match(required=True)
        if isinstance(request.data, dict) and PRICE_FIELDS & request.data.keys():
            ensure_password_session(request)
        with transaction.atomic():
            product = self.get_locked_object()
            product.ensure_version(expected)
            product = self.save(product, self.validated(self.input_class, partial=True))
        return self.answer(product)

    @extend_schema(responses=ProductCostSerializer)
    @action(
        detail=True,
        methods=["get"],
        permission_classes=(IsManager,),
        serializer_class=ProductCostSerializer,
    )
    def cost(self, request: Request, pk: Any) -> Response:
        """Return the cost, which no other answer has: terminals keep copies of products."""
        return self.answer(self.get_object())

    def save(self, product: Product, changes: dict[str, Any]) -> Product:
        barcodes = changes.pop("barcodes", None)
        by = self.request.user
        return write_product(product, changes, barcodes=barcodes, by=by)
