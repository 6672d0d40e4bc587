"""Page of modifier lists, with their modifiers in a table."""

from typing import Any

from django import forms
from django.contrib import admin
from django.template.loader import render_to_string

from accounts.admin.forms import ServiceForm
from accounts.admin.numbers import read_entered_number, write_shown_number
from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.admin.amounts import to_currency
from orders.models import Modifier, ModifierList, Product
from orders.models.catalog import normalize_code
from orders.serializers.modifier_list import MAX_MODIFIERS, ModifierListInput
from orders.services.catalog.modifier_lists import write_modifier_list

ROWS = 8
EMPTY_ROWS = 3
# Keys of a modifier, and suffixes of the input names.
# The price as the country writes it.
SHOWN = "shown_price"
ID, NAME, PRICE, PRODUCT, ACTIVE = "id", "name", "price", "product", "is_active"


class ModifiersWidget(forms.Widget):
    """Rows with a name, a price, the SKU of a product and a check box; rows without name end it."""

    template_name = "admin/shop/modifiers.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        modifiers = [{**row, SHOWN: write_shown_number(row[PRICE])} for row in value or []]
        empty = [{ACTIVE: True}] * max(EMPTY_ROWS, ROWS - len(modifiers))
        rows = [(f"{name}-{number}", row) for number, row in enumerate([*modifiers, *empty])]
        return super().get_context(name, value, attrs) | {"rows": rows, "count": len(rows)}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        """Render with the templates of the project; form widgets use Django's by default."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        try:
            count = min(int(data.get(f"{name}-count", 0)), MAX_MODIFIERS + EMPTY_ROWS)
        except ValueError:
            count = 0
        rows = [self.read_row(data, f"{name}-{number}") for number in range(count)]
        return [row for row in rows if row[NAME] or row[PRICE] or row[PRODUCT]]

    def read_row(self, data: Any, row: str) -> dict[str, Any]:
        texts = {key: data.get(f"{row}-{key}", "").strip() for key in (ID, NAME, PRICE, PRODUCT)}
        texts[PRICE] = read_entered_number(texts[PRICE])
        return texts | {ACTIVE: f"{row}-{ACTIVE}" in data}

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-count" not in data


class ModifiersField(forms.Field):
    """Passes the rows on with the ids of products; the API serializer validates them."""

    widget = ModifiersWidget

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or [])

    def clean(self, value: Any) -> list[dict[str, Any]]:
        rows = super().clean(value)
        skus = {normalize_code(row[PRODUCT]) for row in rows} - {""}
        products = dict(Product.objects.filter(sku__in=skus).values_list("sku", "pk"))
        return [self.clean_row(row, products) for row in rows]

    def clean_row(self, row: dict[str, Any], products: dict[str, Any]) -> dict[str, Any]:
        sku = normalize_code(row[PRODUCT])
        if sku and sku not in products:
            raise forms.ValidationError(f"{row[NAME]}: no product has the SKU {sku}.")
        given = {ID: row[ID], NAME: row[NAME], PRICE: row[PRICE]}
        product = str(products[sku]) if sku else None
        kept = {key: text for key, text in given.items() if text or key == NAME}
        return kept | {PRODUCT: product, ACTIVE: row[ACTIVE]}


class ModifierListForm(ServiceForm):
    modifiers = ModifiersField(
        help_text="A modifier without a name is deleted. The product is what it takes from stock."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_new:
            modifiers = self.instance.modifiers.select_related("product")
            self.initial["modifiers"] = [describe_modifier(each) for each in modifiers]


def describe_modifier(modifier: Modifier) -> dict[str, Any]:
    return {
        ID: str(modifier.pk),
        NAME: modifier.name,
        PRICE: to_currency(modifier.price),
        PRODUCT: modifier.product.sku if modifier.product else "",
        ACTIVE: modifier.is_active,
    }


@admin.register(ModifierList, site=shop_site)
class ModifierListAdmin(ShopAdmin):
    """Choices at the sale of a product."""

    form = ModifierListForm
    view_role = edit_role = Role.MANAGER
    add_input = change_input = ModifierListInput
    list_display = ("name", "min", "max", "allow_quantity", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name",)
    ordering = ("name", "id")
    fields = ("name", "min", "max", "allow_quantity", "is_active", "modifiers")

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return write_modifier_list(ModifierList(), given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return write_modifier_list(row, given, expected_version=expected_version, by=by)
