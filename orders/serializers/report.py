"""Shapes of reports."""

from typing import Any

from rest_framework import serializers

from orders.services import GroupBy, Report, shown
from orders.services.reports import LONGEST
from tenants.fields import DayField, StrictChoiceField, StrictUUIDField
from tenants.scope import current_tenant
from tenants.serializers import StrictSerializer


class ReportQuery(StrictSerializer):
    """What a report is asked about."""

    group_by = StrictChoiceField(choices=[each.value for each in GroupBy], required=False)
    store = StrictUUIDField(required=False)
    format = StrictChoiceField(choices=["json", "csv"], required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language, and no name for an attribute."""
        days = {name: DayField(max_length=10, required=False) for name in ("from", "to")}
        return super().get_fields() | days

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "to" in attrs and "from" not in attrs:
            raise serializers.ValidationError({"from": ["Since when?"]}, code="required")
        if "to" in attrs and not attrs["from"] <= attrs["to"] < attrs["from"] + LONGEST:
            raise serializers.ValidationError({"to": ["No earlier, and within a year."]})
        return attrs


class FiguresSerializer(serializers.Serializer[Any]):
    orders = serializers.IntegerField()
    quantity = serializers.CharField()
    gross = serializers.CharField()
    discount_total = serializers.CharField()
    tax_total = serializers.CharField()
    cash_rounding = serializers.CharField(help_text="Of sales less that of refunds.")
    total = serializers.CharField()
    refunds = serializers.IntegerField()
    refunded_quantity = serializers.CharField()
    refunded_tax_total = serializers.CharField()
    refunded_total = serializers.CharField()
    net_total = serializers.CharField(help_text="What stayed with the shop.")


class ReportRowSerializer(FiguresSerializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a column


class SalesReportSerializer(serializers.Serializer[Any]):
    """Sales and refunds by group; `total` is the sum of the rows."""

    group_by = serializers.ChoiceField(choices=[each.value for each in GroupBy])
    currency = serializers.CharField()
    to = serializers.DateField()
    rows = ReportRowSerializer(many=True)
    total = FiguresSerializer()

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {"from": serializers.DateField()}

    def to_representation(self, report: Report) -> dict[str, Any]:
        return {
            "group_by": report.group_by.value,
            "currency": current_tenant().currency,
            "from": report.first.isoformat(),
            "to": report.last.isoformat(),
            "rows": [
                {"key": key, "label": label, **shown(sums)} for key, label, sums in report.rows
            ],
            "total": shown(report.total),
        }
