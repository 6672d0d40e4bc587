"""Shapes of reports."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from orders.services.reports.sales import MAX_REPORT_PERIOD, GroupBy, Report
from tenants.api.fields import StrictChoiceField, StrictDateField
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store
from tenants.scope import current_tenant


class ReportQuery(StrictSerializer):
    """What a report is asked about."""

    group_by = StrictChoiceField(choices=[each.value for each in GroupBy], required=False)
    store = TenantRelatedField(lambda: Store.objects.select_related("tenant"), required=False)
    cashier = TenantRelatedField(User, required=False)
    format = StrictChoiceField(choices=["json", "csv"], required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of the language, and no name for an attribute."""
        days = {name: StrictDateField(required=False) for name in ("from", "to")}
        return super().get_fields() | days

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "to" in attrs and "from" not in attrs:
            raise serializers.ValidationError({"from": ["Since when?"]}, code="required")
        if "to" in attrs and not attrs["from"] <= attrs["to"] < attrs["from"] + MAX_REPORT_PERIOD:
            raise serializers.ValidationError({"to": ["No earlier, and within a year."]})
        return attrs


class FiguresSerializer(serializers.Serializer[Any]):
    """Null is what the receipts do not tell of such a group: goods have no cash rounding, ways of
    paying no taxes."""

    orders = serializers.IntegerField(help_text="In which there is something of it.")
    quantity = serializers.CharField(allow_null=True)
    gross = serializers.CharField(allow_null=True)
    discount_total = serializers.CharField(
        allow_null=True,
        help_text="By `discount` what was given away; prices below the list price are in it.",
    )
    taxable = serializers.CharField(
        allow_null=True, help_text="What the rate was applied to; of taxes only."
    )
    tax_total = serializers.CharField(allow_null=True)
    cash_rounding = serializers.CharField(
        allow_null=True, help_text="Of sales less that of refunds."
    )
    total = serializers.CharField(allow_null=True)
    refunds = serializers.IntegerField()
    refunded_quantity = serializers.CharField(allow_null=True)
    refunded_taxable = serializers.CharField(allow_null=True)
    refunded_tax_total = serializers.CharField(allow_null=True)
    refunded_total = serializers.CharField(allow_null=True)
    net_tax_total = serializers.CharField(
        allow_null=True, help_text="Taxes of what stayed with the customers."
    )
    net_total = serializers.CharField(
        allow_null=True, help_text="Money that stayed with the shop, cash rounding included."
    )


class ReportRowSerializer(FiguresSerializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of a column


class SalesReportSerializer(serializers.Serializer[Any]):
    """Sales and refunds by group. `total` is of the receipts, each of which counts once in it, in
    however many groups it is."""

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
            "rows": list(report.format_rows()),
            "total": report.format_total(),
        }
