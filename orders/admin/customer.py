"""Pages of customers and their groups."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest

from accounts.admin.pages import ExactSearchMixin, ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.admin.customer_erasure import ErasureMixin
from orders.models import Customer, CustomerGroup
from orders.serializers.customer import CustomerGroupInput, CustomerInput
from orders.services.customers import save_customer, search_customers
from tenants.services import save_audited_row


@admin.register(CustomerGroup, site=shop_site)
class CustomerGroupAdmin(ShopAdmin):
    """Groups of customers."""

    view_role = edit_role = Role.MANAGER
    add_input = change_input = CustomerGroupInput
    list_display = ("name",)
    ordering = ("name", "id")
    fields = ("name",)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_audited_row(CustomerGroup(), given, by=by, name="customer_group")

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_audited_row(
            row, given, expected_version=expected_version, by=by, name="customer_group"
        )


@admin.register(Customer, site=shop_site)
class CustomerAdmin(ErasureMixin, ExactSearchMixin, ShopAdmin):
    """Customers, found by name, e-mail address or phone number."""

    view_role = edit_role = Role.MANAGER
    add_input = change_input = CustomerInput
    list_display = ("name", "email", "phone", "group")
    list_select_related = ("group",)
    ordering = ("name", "id")
    search_help_text = "Enter the beginning of a name, an e-mail address or a phone number."
    fields = ("name", "email", "phone", "tax_number", "group", "note", "external_id")

    def message_user(self, request: HttpRequest, message: Any, *args: Any, **kwargs: Any) -> None:
        """Store no name in the session, where an erasure does not find it."""
        is_done = not (args or "level" in kwargs) or messages.SUCCESS in (*args, *kwargs.values())
        text = "The customer was saved." if is_done else message
        super().message_user(request, text, *args, **kwargs)

    def search(self, request: HttpRequest, rows: Any, term: str) -> Any:
        return search_customers(rows, term)

    def may_change(self, user: User, row: Customer) -> bool:
        return not row.is_erased

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_customer(Customer(), given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_customer(row, given, expected_version=expected_version, by=by)
