"""Pages of payment providers and card readers: managers view readers, admins edit both."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.models import CardReader, PaymentProvider
from orders.serializers.card_reader import (
    CardReaderChange,
    CardReaderInput,
    PaymentProviderChange,
    PaymentProviderInput,
)
from orders.services import card_readers

CREDENTIALS_HELP = (
    "Credentials are set through the API, which asks for the password again: see "
    "payment-providers/{id}/."
)


@admin.register(PaymentProvider, site=shop_site)
class PaymentProviderAdmin(ShopAdmin):
    """Payment providers. Their credentials are set through the API, as it asks for the password.

    So only a provider without credentials can be added here.
    """

    view_role = edit_role = Role.ADMIN
    add_input, change_input = PaymentProviderInput, PaymentProviderChange
    list_display = ("name", "kind", "is_active")
    list_filter = ("is_active",)
    ordering = ("name",)
    fields = ("kind", "name", "is_active")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("kind",)

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        fields = self.get_fields(request, obj)
        return [(None, {"fields": fields, "description": CREDENTIALS_HELP})]

    def formfield_for_choice_field(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer only kinds that need no credentials."""
        simulator = PaymentProvider.Kind.SIMULATOR
        kwargs["choices"] = [(simulator.value, simulator.label)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return card_readers.add_provider(given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return card_readers.change_provider(row.pk, given, expected_version=expected_version, by=by)


@admin.register(CardReader, site=shop_site)
class CardReaderAdmin(ShopAdmin):
    """Card readers. A reader never changes its register or provider."""

    view_role, edit_role = Role.MANAGER, Role.ADMIN
    add_input, change_input = CardReaderInput, CardReaderChange
    list_display = ("name", "register", "provider", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("register", "provider")
    ordering = ("name",)
    fields = ("name", "register", "provider", "provider_reader_id", "is_active")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("register", "provider", "provider_reader_id")

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        """Leave out an empty id, as a request to the API does."""
        given = {name: value for name, value in cleaned.items() if value != ""}
        return super().read(given, partial=partial)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return card_readers.add_reader(given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return card_readers.change_reader(row.pk, given, expected_version=expected_version, by=by)
