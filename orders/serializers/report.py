"""Serializers of the sales report."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from orders.serializers.stock import SumField
from orders.services.reports.sales import MAX_REPORT_PERIOD, GroupBy, Report
from tenants.api.fields import QuantityField, StrictChoiceField, StrictDateField
from tenants.api.serializers import StrictSerializer, TenantRelatedField
from tenants.models import Store
from tenants.scope import current_tenant


class DaysQuery(StrictSerializer):
    """Query parameters of a report of business days."""

    store = TenantRelatedField(lambda: Store.objects.select_related("tenant"), required=False)

    def get_fields(self) -> dict[str, Any]:
        """Add `from`, which is a Python keyword and cannot be a class attribute."""
        days = {name: StrictDateField(required=False) for name in ("from", "to")}
        return super().get_fields() | days

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "to" in attrs and "from" not in attrs:
            raise serializers.ValidationError({"from": ["Required with `to`."]}, code="required")
        if "to" in attrs and not attrs["from"] <= attrs["to"] < attrs["from"] + MAX_REPORT_PERIOD:
            raise serializers.ValidationError(
                {"to": ["Must not be before `from`, nor more than a year after it."]}
            )
        return attrs


class ReportQuery(DaysQuery):
    """Query parameters of the sales report."""

    group_by = StrictChoiceField(choices=[each.value for each in GroupBy], required=False)
    cashier = TenantRelatedField(User, required=False)
    format = StrictChoiceField(choices=["json", "csv", "xlsx"], required=False)


class WasteReportQuery(DaysQuery):
    """Query parameters of the waste report."""

    group_by = StrictChoiceField(choices=["reason", "product"], required=False)


class LowStockQuery(StrictSerializer):
    """Query parameters of the report of low stock."""

    store = TenantRelatedField(lambda: Store.objects.select_related("tenant"), required=False)
    format = StrictChoiceField(choices=["json", "csv", "xlsx"], required=False)


class GoodsQuery(DaysQuery):
    """Query parameters of the reports of dead stock and of margins."""

    format = StrictChoiceField(choices=["json", "csv", "xlsx"], required=False)


class LevelRowSerializer(serializers.Serializer[Any]):
    product = serializers.UUIDField()
    sku = serializers.CharField()
    name = serializers.CharField()
    store = serializers.UUIDField()
    store_name = serializers.CharField()
    quantity = SumField()


class LowStockRowSerializer(LevelRowSerializer):
    reorder_point = QuantityField()
    missing = SumField(help_text="What lacks to the reorder point.")
    in_transit = SumField(help_text="What is on the way from other stores.")


class LowStockReportSerializer(serializers.Serializer[Any]):
    """Levels at or below their reorder point, by store and name; the first 1,000 of them."""

    rows = LowStockRowSerializer(many=True)
    row_count = serializers.IntegerField(help_text="How many there are.")


class DeadStockRowSerializer(LevelRowSerializer):
    cost_total = serializers.CharField(
        allow_null=True, help_text="At the cost of today; null if it is not known."
    )


class DeadStockReportSerializer(serializers.Serializer[Any]):
    """Stock that did not sell in a period, the most valuable first; the first 1,000 levels."""

    rows = DeadStockRowSerializer(many=True)
    row_count = serializers.IntegerField(help_text="How many there are.")
    cost_total = serializers.CharField(help_text="Of all levels of products with a known cost.")
    without_cost = serializers.IntegerField(help_text="How many have no cost.")


class MarginRowSerializer(serializers.Serializer[Any]):
    product = serializers.CharField(help_text="Its id; empty for goods not in the catalog.")
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = SumField(help_text="Sold less refunded.")
    net_sales = serializers.CharField(help_text="Sales less refunds, without taxes.")
    cost_total = serializers.CharField(
        allow_null=True, help_text="At the cost of today; null if it is not known."
    )
    margin = serializers.CharField(allow_null=True, help_text="Net sales less cost.")
    margin_percent = serializers.CharField(
        allow_null=True, help_text="Of the net sales; null without sales."
    )


class MarginReportSerializer(serializers.Serializer[Any]):
    """What products earned in a period, the highest margin first; the first 1,000 products.

    The sums are those of all products with a known cost.
    """

    rows = MarginRowSerializer(many=True)
    row_count = serializers.IntegerField(help_text="How many products there are.")
    net_sales = serializers.CharField()
    cost_total = serializers.CharField()
    margin = serializers.CharField()
    margin_percent = serializers.CharField(allow_null=True)
    without_cost = serializers.IntegerField(help_text="How many products have no cost.")


class WasteRowSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="The reason, empty for none, or the id of the product.")
    label = serializers.CharField()  # type: ignore[assignment]  # the name of an attribute of `Serializer`
    sku = serializers.CharField(help_text="Of a product.")
    times = serializers.IntegerField(help_text="How many movements.")
    quantity = QuantityField(help_text="Of several products, a sum of units and weights.")
    cost_total = serializers.CharField(
        help_text="At the cost of today, of the products with a known cost."
    )
    times_without_cost = serializers.IntegerField(
        help_text="How many movements have no cost, because that of the product is not known."
    )


class WasteReportSerializer(serializers.Serializer[Any]):
    """The waste of a period; by product the 50 most valuable ones."""

    rows = WasteRowSerializer(many=True)
    times = serializers.IntegerField()
    cost_total = serializers.CharField()


class FiguresSerializer(serializers.Serializer[Any]):
    """Figures of a group. Null if a figure does not apply: products have no cash rounding,
    payment methods no taxes."""

    orders = serializers.IntegerField(help_text="Number of orders in this group.")
    quantity = serializers.CharField(allow_null=True)
    gross = serializers.CharField(allow_null=True)
    discount_total = serializers.CharField(
        allow_null=True,
        help_text="Grouped by `discount`: the amount deducted, price overrides included.",
    )
    taxable = serializers.CharField(
        allow_null=True, help_text="Amount that the rate was applied to; only grouped by `tax`."
    )
    tax_total = serializers.CharField(allow_null=True)
    cash_rounding = serializers.CharField(
        allow_null=True, help_text="Cash rounding of sales less that of refunds."
    )
    total = serializers.CharField(allow_null=True)
    refunds = serializers.IntegerField()
    refunded_quantity = serializers.CharField(allow_null=True)
    refunded_taxable = serializers.CharField(allow_null=True)
    refunded_tax_total = serializers.CharField(allow_null=True)
    refunded_total = serializers.CharField(allow_null=True)
    net_tax_total = serializers.CharField(
        allow_null=True, help_text="Taxes of sales less those of refunds."
    )
    net_total = serializers.CharField(
        allow_null=True, help_text="Sales less refunds, cash rounding included."
    )


class ReportRowSerializer(FiguresSerializer):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # the name of an attribute of `Serializer`


class SalesReportSerializer(serializers.Serializer[Any]):
    """Sales and refunds by group. `total` counts each receipt once, even if it is in several
    groups."""

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
