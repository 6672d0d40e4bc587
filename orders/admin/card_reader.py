"""Pages of payment providers and card readers: managers view readers, admins edit both."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.admin.password_check import (
    PasswordCheckedForm,
    PasswordCheckMixin,
    build_secret_field,
)
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

SECRETS = ("secret_key", "webhook_secret")


class PaymentProviderForm(PasswordCheckedForm):
    """Form that takes credentials, after the user's password, and never shows them."""

    secret_key = build_secret_field("Secret key", "sk_... or rk_...; empty: as before.")
    webhook_secret = build_secret_field(
        "Webhook secret",
        "whsec_...; empty: as before. The previous one is accepted for one more day.",
    )
    password = build_secret_field(
        "Your password", "Needed with a new key or secret.", "current-password"
    )


@admin.register(PaymentProvider, site=shop_site)
class PaymentProviderAdmin(PasswordCheckMixin, ShopAdmin):
    """Payment providers. Their credentials are written only."""

    view_role = edit_role = Role.ADMIN
    add_input, change_input = PaymentProviderInput, PaymentProviderChange
    form = PaymentProviderForm
    list_display = ("name", "kind", "is_active")
    list_filter = ("is_active",)
    ordering = ("name",)
    fields = ("kind", "name", "is_active", *SECRETS, "password")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("kind",)

    def needs_password(self, request: Any) -> bool:
        """Return whether credentials were entered."""
        return any(request.POST.get(name) for name in SECRETS)

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        """Collect the credentials, as a request to the API names them."""
        credentials = {name: cleaned[name] for name in SECRETS if cleaned.get(name)}
        given = {**cleaned, **({"credentials": credentials} if credentials else {})}
        return super().read(given, partial=partial)

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
