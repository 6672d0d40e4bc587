"""Input and output of the bookkeeper's month."""

from datetime import date
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from orders.services.reports.bookkeeping import Month, find_month_days
from orders.services.reports.bookkeeping_tables import TABLES, Kind, MonthTable, format_rows
from tenants.api.fields import ParsedField, StrictChoiceField
from tenants.api.formats import parse_date
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store
from tenants.scope import current_tenant

FORMATS = ("json", "zip", "xlsx", "datev")


@extend_schema_field({"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-11"]})
class MonthField(ParsedField):
    """A month such as 2026-11, as its first day."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": "Enter a month such as 2026-11.",
        "out_of_range": "The year must be between {first} and {last}.",
    }

    @staticmethod
    def parse(data: object) -> date:
        return parse_date(f"{data}-01")


class BookkeepingQuery(StrictSerializer):
    """Query parameters of the bookkeeper's month."""

    store = TenantRelatedField(lambda: Store.objects.select_related("tenant"))
    month = MonthField()
    format = StrictChoiceField(choices=FORMATS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if find_month_days(attrs["store"], attrs["month"]).start > timezone.now():
            raise serializers.ValidationError(
                {"month": ["Must not begin in the future."]}, code="in_the_future"
            )
        return attrs


FIELDS = {
    Kind.DAY: serializers.DateField,
    Kind.TIME: serializers.DateTimeField,
    Kind.AMOUNT: serializers.CharField,
    Kind.NUMBER: serializers.IntegerField,
    Kind.TEXT: serializers.CharField,
}


def build_row_serializer(table: MonthTable) -> type[serializers.Serializer[Any]]:
    """Return the serializer of the rows of a table."""
    name = "".join(part.capitalize() for part in table.name.split("_"))
    fields = {each: FIELDS[column.kind]() for each, column in table.columns.items()}
    return type(f"Bookkeeping{name}RowSerializer", (serializers.Serializer,), fields)


class BookkeepingReportSerializer(serializers.Serializer[Any]):
    """The tables of a month. Amounts are texts in the currency of the shop."""

    store = serializers.UUIDField()
    month = serializers.CharField()
    currency = serializers.CharField()
    opening_cash = serializers.CharField(help_text="Cash in all drawers when the month began.")
    closing_cash = serializers.CharField(help_text="Cash in all drawers when the month ended.")

    def get_fields(self) -> dict[str, Any]:
        tables = {
            table.name: build_row_serializer(table)(many=True, help_text=table.title)
            for table in TABLES
        }
        return super().get_fields() | tables

    def to_representation(self, month: Month) -> dict[str, Any]:
        tenant = current_tenant()
        return {
            "store": str(month.store.pk),
            "month": format_month(month.first),
            "currency": tenant.currency,
            "opening_cash": str(tenant.quantize_amount(month.opening_cash)),
            "closing_cash": str(tenant.quantize_amount(month.closing_cash)),
        } | {table.name: format_rows(table, month) for table in TABLES}


def format_month(day: date) -> str:
    return f"{day:%Y-%m}"
