"""Settings page: managers view, admins edit."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.choices import CountryField, TimezoneField, list_currencies
from accounts.admin.forms import ServiceForm
from accounts.admin.numbers import NumberField
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import EMPTY
from accounts.admin_site.site import shop_site
from accounts.models import Role, ShopSettings, User
from accounts.serializers.shop import TenantInput, build_tenant_changes
from tenants.scope import current_tenant
from tenants.services import change_settings

# Labels of the limits of a role.
LIMITS = {
    "line_discount_percent": "Line discount (%)",
    "order_discount_percent": "Order discount (%)",
    "price_override_percent": "Price override (%)",
    "refund_amount": "Refund",
    "paid_out_amount": "Paid out",
    "drop_amount": "Cash drop",
    "deposit_return_amount": "Deposit return",
    "drawer_difference_amount": "Cash variance at closing",
}
LIMITS_HELP = (
    "Empty means unlimited. Refunds, paid out cash, cash drops and deposit returns are limited in "
    "total, per order and per user and shift."
)
LIMITED = (Role.CASHIER, Role.MANAGER)
LIMIT_FIELDS = {role: [f"limits_{role}_{name}" for name in LIMITS] for role in LIMITED}


def limit(name: str) -> forms.CharField:
    """Build the field of a limit; the API's serializer checks it."""
    return NumberField(label=LIMITS[name], required=False)


class SettingsForm(ServiceForm):
    """Tenant settings, with one field per limit."""

    country = CountryField(required=False)
    currency = forms.ChoiceField(choices=list_currencies)
    timezone = TimezoneField(label="Time zone")
    cash_rounding_increment = NumberField(
        label="Cash rounding increment",
        required=False,
        help_text="Smallest coin, such as 0.05. Empty: no cash rounding.",
    )
    limits_cashier_line_discount_percent = limit("line_discount_percent")
    limits_cashier_order_discount_percent = limit("order_discount_percent")
    limits_cashier_price_override_percent = limit("price_override_percent")
    limits_cashier_refund_amount = limit("refund_amount")
    limits_cashier_paid_out_amount = limit("paid_out_amount")
    limits_cashier_drop_amount = limit("drop_amount")
    limits_cashier_deposit_return_amount = limit("deposit_return_amount")
    limits_cashier_drawer_difference_amount = limit("drawer_difference_amount")
    limits_manager_line_discount_percent = limit("line_discount_percent")
    limits_manager_order_discount_percent = limit("order_discount_percent")
    limits_manager_price_override_percent = limit("price_override_percent")
    limits_manager_refund_amount = limit("refund_amount")
    limits_manager_paid_out_amount = limit("paid_out_amount")
    limits_manager_drop_amount = limit("drop_amount")
    limits_manager_deposit_return_amount = limit("deposit_return_amount")
    limits_manager_drawer_difference_amount = limit("drawer_difference_amount")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("country", "timezone"):
            if name in self.fields:
                choices: Any = self.fields[name]
                choices.keep(getattr(self.instance, name))
        increment = self.instance.cash_rounding_increment
        self.initial["cash_rounding_increment"] = (
            "" if increment is None else current_tenant().quantize_amount(increment)
        )
        for role, names in LIMIT_FIELDS.items():
            for field, name in zip(names, LIMITS, strict=True):
                self.initial[field] = self.instance.all_limits.get(role, {}).get(name)

    def add_error_at(self, path: str, detail: str, code: str) -> None:
        """Add the error of a nested setting to its field."""
        field = path.replace(".", "_")
        super().add_error_at(field if field in self.fields else path, detail, code)


@admin.register(ShopSettings, site=shop_site)
class SettingsAdmin(ShopAdmin):
    """Settings of the current tenant."""

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
        """Make the currency read-only after the first order."""
        return ("slug", "currency") if obj is None or obj.has_orders else ("slug",)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        fields = self.get_fields(request, obj)
        if not self.has_change_permission(request, obj):
            shown = [{"cash_rounding_increment": "coin"}.get(each, each) for each in fields]
            return [
                (None, {"fields": shown}),
                ("Limits without an approval", {"fields": ("cashiers_may", "managers_may")}),
            ]
        return [
            (None, {"fields": fields}),
            (
                "Limits of cashiers without an approval",
                {"fields": LIMIT_FIELDS[Role.CASHIER], "description": LIMITS_HELP},
            ),
            (
                "Limits of managers without an approval",
                {"fields": LIMIT_FIELDS[Role.MANAGER], "description": LIMITS_HELP},
            ),
        ]

    @admin.display(description="Cash rounding increment")
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
        """Build the nested input of `PATCH tenant/` from the flat form fields."""
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
    named = shop.quantize_limits(shop.all_limits).get(role, {})
    limits = {label: named.get(name) for name, label in LIMITS.items()}
    return "\n".join(
        f"{label}: {'unlimited' if value is None else value}" for label, value in limits.items()
    )


def read_limits(cleaned: Any, role: Role) -> dict[str, str | None]:
    """Return the limits of a role from the form; an empty field is None, which is unlimited."""
    return {name: cleaned[f"limits_{role}_{name}"].strip() or None for name in LIMITS}
