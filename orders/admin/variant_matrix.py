"""Page that adds variants for all combinations of options, after a preview."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import BaseFormSet, formset_factory
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path

from accounts.admin.forms import validate_input
from accounts.admin.numbers import NumberField
from accounts.admin.tables import admin_url
from orders.admin.amounts import to_currency
from orders.models import Product
from orders.models.catalog import MAX_SKU_LENGTH
from orders.serializers.catalog import ProductInput
from orders.services.catalog.variant_matrix import (
    FIELD,
    MAX_COMBINATIONS,
    Combination,
    VariantRefused,
    create_variants,
    list_combinations,
    list_option_values,
    suggest_sku,
)
from orders.services.documents.document import format_money
from tenants.exceptions import DomainError, Invalid

OPTIONS_HELP = (
    "One option per line, with its values after a colon. Variants that exist already stay as they "
    "are."
)
# The fields of a row for errors that name no field, by their codes.
FIELDS_OF_ERRORS = {"sku_taken": "sku", "barcode_taken": "barcodes", "plu_taken": "sku"}
PREFIX = "new"


class OptionValuesForm(forms.Form):
    """The options and their values, one option per line."""

    options = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 4, "cols": 50}), help_text=OPTIONS_HELP
    )

    def clean_options(self) -> dict[str, list[str]]:
        values: dict[str, list[str]] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["options"].splitlines())):
            name, colon, rest = map(str.strip, line.partition(":"))
            given = [value for each in rest.split(",") if (value := each.strip())]
            if not (name and colon and given) or name in values:
                message = "Write each option on a line of its own, such as Size: S, M, L."
                raise ValidationError(message, code="invalid")
            values[name] = given
        return values


class NewVariantForm(forms.Form):
    """What differs from the parent: SKU, barcodes and price."""

    key = forms.CharField(max_length=32, widget=forms.HiddenInput)
    is_wanted = forms.BooleanField(required=False, label="Add")
    sku = forms.CharField(required=False, max_length=MAX_SKU_LENGTH, label="SKU")
    barcodes = forms.CharField(required=False, max_length=500, label="Barcode")
    price = NumberField(required=False)
    combination: Combination | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("is_wanted", "sku", "barcodes", "price"):
            self.fields[name].widget.attrs["aria-label"] = str(self.fields[name].label or "Price")

    def read(self, options: dict[str, str]) -> dict[str, Any]:
        """Return the values as validated by the API. Raises `Invalid`."""
        given: dict[str, Any] = {"sku": self.cleaned_data["sku"], "options": options}
        given["barcodes"] = self.cleaned_data["barcodes"].split()
        if self.cleaned_data["price"]:
            given["price"] = self.cleaned_data["price"]
        return validate_input(ProductInput(partial=True), given)

    def add_domain_error(self, refusal: DomainError) -> None:
        """Show an error at the field that it names, or else at the row."""
        for error in refusal.errors:
            field = error.field.partition("[")[0]
            known = field if field in self.fields else None
            self.add_error(known, ValidationError(error.detail, code=error.code))
        if not refusal.errors:
            named = FIELDS_OF_ERRORS.get(refusal.code)
            self.add_error(named, ValidationError(str(refusal), code=refusal.code))


NewVariants = formset_factory(
    NewVariantForm, extra=0, max_num=MAX_COMBINATIONS, absolute_max=MAX_COMBINATIONS
)


class VariantMatrixMixin:
    """Adds the page to products that are no variants."""

    change_form_template = "admin/shop/product.html"

    def get_urls(self: Any) -> list[Any]:
        view = self.admin_site.admin_view(self.variants_view)
        return [
            path("<uuid:pk>/variants/", view, name="orders_product_variants"),
            *super().get_urls(),
        ]

    def variants_view(self: Any, request: HttpRequest, pk: Any) -> HttpResponse:
        """Show the form, then all combinations, then create those that are wanted."""
        parent = self.get_object(request, str(pk))
        if not self.has_change_permission(request, parent):
            raise PermissionDenied
        if parent is None or parent.parent_id:
            raise Http404
        form = OptionValuesForm(
            request.POST or None, initial={FIELD: write_values(list_option_values(parent))}
        )
        combinations = find_combinations(form, parent) if request.method == "POST" else []
        new = [each for each in combinations if each.variant is None]
        rows = build_rows(request, parent, new) if combinations else None
        if rows is not None and rows.is_bound and not form.errors:
            count = self.add_variants(request, parent, form, rows)
            if count:
                messages.success(request, f"{count} variants were added.")
                return HttpResponseRedirect(admin_url(parent))
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": f"Add variants of {parent}",
            "opts": self.opts,
            "parent": parent,
            "page": admin_url(parent),
            "form": form,
            "rows": rows,
            "existing": [each for each in combinations if each.variant],
            "names": [name for name, _ in combinations[0].options] if combinations else [],
            "price": format_money(parent.price),
        }
        return TemplateResponse(request, "admin/shop/variant_matrix.html", context)

    def add_variants(
        self: Any, request: Any, parent: Product, form: OptionValuesForm, rows: Any
    ) -> int:
        """Create the wanted variants and return their number; 0 if a row has an error."""
        if not rows.is_valid():
            return 0
        wanted = [row for row in rows if row.cleaned_data["is_wanted"]]
        if not wanted:
            form.add_error(None, ValidationError("Choose at least one variant.", code="required"))
            return 0
        if not all(row.combination for row in wanted):
            message = "The variants have changed since the preview. Check the combinations again."
            form.add_error(None, ValidationError(message, code="invalid"))
            return 0
        return len(wanted) if save_rows(parent, wanted, form, by=request.user) else 0


def write_values(values: dict[str, list[str]]) -> str:
    lines = [f"{name}: {', '.join(each)}" for name, each in values.items()]
    return "\n".join(lines) or "Size: "


def find_combinations(form: OptionValuesForm, parent: Product) -> list[Combination]:
    """Return the combinations of a valid form; otherwise the form has the errors."""
    if not form.is_valid():
        return []
    try:
        return list_combinations(parent, form.cleaned_data[FIELD])
    except Invalid as refusal:
        for error in refusal.errors:
            form.add_error(FIELD, ValidationError(error.detail, code=error.code))
        return []


def build_rows(
    request: HttpRequest, parent: Product, new: Sequence[Combination]
) -> "BaseFormSet[Any]":
    """Return the rows of the new combinations: as they were sent, or with suggestions."""
    by_key = {each.key: each for each in new}
    if "create" in request.POST:
        rows = NewVariants(request.POST, prefix=PREFIX)
        for row in rows:
            row.combination = by_key.get(str(row["key"].value()))
        return rows
    price = to_currency(parent.price)
    initial = [
        {"key": each.key, "is_wanted": True, "sku": suggest_sku(parent, each), "price": price}
        for each in new
    ]
    rows = NewVariants(initial=initial, prefix=PREFIX)
    for row in rows:
        row.combination = by_key[row.initial["key"]]
    return rows


def save_rows(
    parent: Product, rows: Sequence[NewVariantForm], form: OptionValuesForm, *, by: Any
) -> bool:
    """Return whether all rows were saved; otherwise the wrong row has the error."""
    values = []
    for row in rows:
        try:
            values.append(row.read(dict(row.combination.options)))
        except Invalid as refusal:
            row.add_domain_error(refusal)
    if len(values) < len(rows):
        return False
    try:
        create_variants(parent, values, by=by)
    except VariantRefused as refused:
        rows[refused.position].add_domain_error(refused.reason)
        form.add_error(None, ValidationError("Nothing was saved. Correct the variants below."))
        return False
    return True
