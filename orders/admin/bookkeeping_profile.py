"""Page of bookkeeping profiles: the accounts of each store."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin

from accounts.admin.forms import ServiceForm
from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.models import BookkeepingProfile, TaxClass
from orders.models.bookkeeping_profile import ACCOUNTS
from orders.serializers.bookkeeping_profile import BookkeepingProfileInput
from tenants.api.formats import format_number
from tenants.services import save_audited_row

NO_TAX = "none"
AUDIT_NAME = "bookkeeping_profile"


class BookkeepingProfileForm(ServiceForm):
    """Form with the accounts of revenue as text. A new profile suggests the rates of the shop."""

    revenue_accounts = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="One on each line: tax in percent, account, and a tax key if needed, such as "
        f'"19: 8400" or "7: 4300 2". Goods without tax: "{NO_TAX}: 8200".',
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = self.instance.revenue_accounts
        lines = list_rates() if self.is_new else map(format_account, rows)
        self.initial["revenue_accounts"] = "\n".join(lines)


def list_rates() -> list[str]:
    """Return a line without an account for each tax of the shop."""
    rates = TaxClass.objects.values_list("rates", flat=True)
    percents = {format_number(rate["percent"]) for each in rates for rate in each}
    return [f"{percent}: " for percent in sorted(percents, key=float, reverse=True)]


def format_account(row: Mapping[str, Any]) -> str:
    percent = NO_TAX if row["percent"] is None else row["percent"]
    return f"{percent}: {row['account']} {row['tax_key']}".rstrip()


def parse_account(line: str) -> dict[str, Any]:
    """Return percentage, account and tax key of a line."""
    percent, _, rest = line.partition(":")
    account, _, key = rest.strip().partition(" ")
    percent = percent.strip().rstrip("%").strip().replace(",", ".")
    return {
        "percent": None if percent.lower() == NO_TAX else percent,
        "account": account,
        "tax_key": key.strip(),
    }


@admin.register(BookkeepingProfile, site=shop_site)
class BookkeepingProfileAdmin(ShopAdmin):
    """The numbers and accounts for booking batches, one profile for each store."""

    view_role = edit_role = Role.MANAGER
    add_input = change_input = BookkeepingProfileInput
    form = BookkeepingProfileForm
    list_display = ("store", "consultant_number", "client_number", "updated_at")
    list_select_related = ("store",)
    ordering = ("store__name",)
    fields = (
        "store",
        "consultant_number",
        "client_number",
        "fiscal_year_month",
        "account_length",
        "chart",
        "revenue_accounts",
        *ACCOUNTS,
    )

    def get_title(self, row: BookkeepingProfile) -> str:
        return f"Bookkeeping of {row.store}"

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("store")

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        lines = [line for line in cleaned["revenue_accounts"].splitlines() if line.strip()]
        rows = [parse_account(line) for line in lines]
        accounts = [row for row in rows if row["account"]]
        return super().read({**cleaned, "revenue_accounts": accounts}, partial=partial)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_audited_row(BookkeepingProfile(), given, by=by, name=AUDIT_NAME)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_audited_row(
            row, given, expected_version=expected_version, by=by, name=AUDIT_NAME
        )
