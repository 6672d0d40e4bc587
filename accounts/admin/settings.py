"""How the shop works: managers look, admins write, by the same rules as at the API."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.forms import ServiceForm
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import EMPTY
from accounts.admin_site.site import shop_site
from accounts.models import Role, ShopSettings, User
from accounts.serializers.shop import TenantInput, build_tenant_changes
from tenants.currencies import CURRENCIES
from tenants.scope import current_tenant
from tenants.services import change_settings

# What each role may do on its own, as it is called on the page.
LIMITS = {
    "line_discount_percent": "Discount on a line, percent",
    "order_discount_percent": "Discount on an order, percent",
    "price_override_percent": "Another price, percent away",
    "refund_amount": "Refund",
    "paid_out_amount": "Cash taken out",
    "drop_amount": "Cash taken to the safe",
    "drawer_difference_amount": "Over or short at closing",
}
LIMITS_HELP = (
    "An empty field is unlimited. Refunds, cash taken out and cash taken to the safe are summed: "
    "for each order, and for each person and shift."
)
LIMITED = (Role.CASHIER, Role.MANAGER)
LIMIT_FIELDS = {role: [f"limits_{role}_{name}" for name in LIMITS] for role in LIMITED}


def limit(name: str) -> forms.CharField:
    """Text, because the API's own input reads it."""
    widget = forms.TextInput(attrs={"inputmode": "decimal", "size": 12})
    return forms.CharField(label=LIMITS[name], max_length=20, required=False, widget=widget)


class SettingsForm(ServiceForm):
    """The rules of the shop, each limit in a field of its own."""

    currency = forms.ChoiceField(choices=[(code, code) for code in sorted(CURRENCIES)])
    cash_rounding_increment = forms.CharField(
        label="Cash is rounded to",
        required=False,
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 12}),
        help_text="The smallest coin, such as 0.05; empty where there is one for everything.",
    )
    limits_cashier_line_discount_percent = limit("line_discount_percent")
    limits_cashier_order_discount_percent = limit("order_discount_percent")
    limits_cashier_price_override_percent = limit("price_override_percent")
    limits_cashier_refund_amount = limit("refund_amount")
    limits_cashier_paid_out_amount = limit("paid_out_amount")
    limits_cashier_drop_amount = limit("drop_amount")
    limits_cashier_drawer_difference_amount = limit("drawer_difference_amount")
    limits_manager_line_discount_percent = limit("line_discount_percent")
    limits_manager_order_discount_percent = limit("order_discount_percent")
    limits_manager_price_override_percent = limit("price_override_percent")
    limits_manager_refund_amount = limit("refund_amount")
    limits_manager_paid_out_amount = limit("paid_out_amount")
    limits_manager_drop_amount = limit("drop_amount")
    limits_manager_drawer_difference_amount = limit("drawer_difference_amount")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        increment = self.instance.cash_rounding_increment
        self.initial["cash_rounding_increment"] = (
            "" if increment is None else current_tenant().quantize_amount(increment)
        )
        for role, names in LIMIT_FIELDS.items():
            for field, name in zip(names, LIMITS, strict=True):
                self.initial[field] = self.instance.limits.get(role, {}).get(name)

    def add_error_at(self, path: str, detail: str, code: str) -> None:
        """Every part of a nested setting has a field here."""
        field = path.replace(".", "_")
        super().add_error_at(field if field in self.fields else path, detail, code)


@admin.register(ShopSettings, site=shop_site)
class SettingsAdmin(ShopAdmin):
    """The one row that is the shop itself."""

    form = SettingsForm
    view_role, edit_role = Role.MANAGER, Role.ADMIN
    change_input = TenantInput
    fields_of_errors = {"currency_fixed": "currency"}
    list_display = ("name", "slug", "currency", "timezone")
    ordering = ("slug",)
    fields = (
        "slug",
        "name",
        "country",
        "currency",
        "timezone",
        "shifts_required",
        "stock_policy",
        "cash_rounding_increment",
        "cash_rounding_mode",
        "prices_include_tax",
        "tax_rounding_level",
        "tax_rounding_mode",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        """From the first order on the currency is fixed."""
        return ("slug", "currency") if obj is None or obj.has_orders else ("slug",)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        fields = self.get_fields(request, obj)
        if not self.has_change_permission(request, obj):
            shown = [{"cash_rounding_increment": "coin"}.get(each, each) for each in fields]
            return [
                (None, {"fields": shown}),
                ("Without an approval", {"fields": ("cashiers_may", "managers_may")}),
            ]
        return [
            (None, {"fields": fields}),
            (
                "What cashiers may do without an approval",
                {"fields": LIMIT_FIELDS[Role.CASHIER], "description": LIMITS_HELP},
            ),
            (
                "What managers may do without an approval",
                {"fields": LIMIT_FIELDS[Role.MANAGER], "description": LIMITS_HELP},
            ),
        ]

    @admin.display(description="Cash is rounded to")
    def coin(self, shop: ShopSettings) -> Any:
        step = shop.cash_rounding_increment
        return EMPTY if step is None else shop.quantize_amount(step)

    @admin.display(description="Cashiers")
    def cashiers_may(self, shop: ShopSettings) -> str:
        return format_limits(shop, Role.CASHIER)

    @admin.display(description="Managers")
    def managers_may(self, shop: ShopSettings) -> str:
        return format_limits(shop, Role.MANAGER)

    def read(self, cleaned: Any, *, partial: bool) -> dict[str, Any]:
        """As `PATCH tenant/` would read it: roundings and limits are parts of a whole there."""
        rounding = {each: cleaned[f"tax_rounding_{each}"] for each in ("level", "mode")}
        whole = {
            "tax_rounding": rounding,
            "cash_rounding_increment": cleaned["cash_rounding_increment"] or None,
            "limits": {role.value: read_limits(cleaned, role) for role in LIMITED},
        }
        return super().read(cleaned | whole, partial=partial)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        change_settings(build_tenant_changes(given), expected_version=expected_version, by=by)
        return ShopSettings.objects.get(pk=row.pk)


def format_limits(shop: ShopSettings, role: Role) -> str:
    named = shop.quantize_limits(shop.limits).get(role, {})
    limits = {words: named.get(name) for name, words in LIMITS.items()}
    return "\n".join(
        f"{words}: {'unlimited' if most is None else most}" for words, most in limits.items()
    )


def read_limits(cleaned: Any, role: Role) -> dict[str, str | None]:
    """Return the limits of a role as they were typed; an empty one is unlimited."""
    return {name: cleaned[f"limits_{role}_{name}"].strip() or None for name in LIMITS}
