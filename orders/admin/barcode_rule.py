"""Page of barcode rules."""

from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.models import BarcodeRule
from orders.serializers.barcode_rule import BarcodeRuleInput
from orders.services.catalog.barcode_keys import save_audited_barcode_rule


@admin.register(BarcodeRule, site=shop_site)
class BarcodeRuleAdmin(ShopAdmin):
    """Rules for the labels of scales."""

    view_role = edit_role = Role.MANAGER
    add_input = change_input = BarcodeRuleInput
    list_display = ("pattern", "kind", "shown_decimals", "priority", "is_active")
    list_filter = ("is_active",)
    ordering = ("-priority", "id")
    fields = ("pattern", "kind", "value_decimals", "priority", "is_active")

    @admin.display(description="Decimals")
    def shown_decimals(self, rule: BarcodeRule) -> int:
        return rule.decimals

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_audited_barcode_rule(BarcodeRule(), given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_audited_barcode_rule(row, given, expected_version=expected_version, by=by)
