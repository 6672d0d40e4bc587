"""Page that changes price, taxes, category and activation of selected products."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.admin.numbers import NumberField
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import admin_url
from accounts.models import User
from orders.admin.price_labels import parse_ids
from orders.models import Category, TaxClass
from orders.money import PriceChange, PriceChangeMode
from orders.services.catalog.bulk_edit import (
    BulkEdit,
    BulkPlan,
    PlannedChange,
    edit_products,
    plan_bulk_edit,
)
from tenants.api.formats import FormatError, parse_number
from tenants.exceptions import Invalid, VersionConflict
from tenants.scope import current_tenant

UNCHANGED = "Leave unchanged"
NONE = "none"
MAX_SHOWN = 200
LABELS = {
    "price": "Price",
    "tax_class": "Tax class",
    "category": "Category",
    "is_active": "Active",
}
CHANGED = "The products were changed meanwhile. Check the new preview and apply it."


class BulkEditForm(forms.Form):
    """What changes of the selected products."""

    products = forms.CharField(widget=forms.HiddenInput)
    price_mode = forms.ChoiceField(
        required=False,
        label="Price",
        choices=[
            ("", UNCHANGED),
            (PriceChangeMode.SET.value, "Set to"),
            (PriceChangeMode.PERCENT.value, "Change by percent"),
            (PriceChangeMode.AMOUNT.value, "Change by amount"),
        ],
    )
    price_value = NumberField(
        required=False,
        max_length=16,
        label="New price, percent or amount",
        help_text="Such as 2.49, 5 or -10.",
    )
    ends_in_nine = forms.BooleanField(
        required=False, label="End prices in 9", help_text="The nearest such price, 2.49 for 2.45."
    )
    tax_class = forms.ChoiceField(required=False)
    category = forms.ChoiceField(required=False)
    is_active = forms.ChoiceField(
        required=False, label="Active", choices=[("", UNCHANGED), ("yes", "Yes"), ("no", "No")]
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rows: dict[str, dict[str, Any]] = {}
        for name, model, none in (
            ("tax_class", TaxClass, "No taxes"),
            ("category", Category, "No category"),
        ):
            rows = {str(row.pk): row for row in model.objects.order_by("name")}
            self.rows[name] = rows | {NONE: None}
            choices: Any = self.fields[name]
            choices.choices = [
                ("", UNCHANGED),
                (NONE, none),
                *((key, row.name) for key, row in rows.items()),
            ]

    def clean_products(self) -> list[uuid.UUID]:
        try:
            return parse_ids(self.cleaned_data["products"])
        except FormatError as error:
            raise ValidationError("Select the products again.", code="invalid") from error

    def clean_price_value(self) -> Decimal | None:
        text = self.cleaned_data["price_value"].strip()
        if not text:
            return None
        try:
            return parse_number(text, decimals=3, digits=9, signed=True)
        except FormatError as error:
            raise ValidationError("Enter a number such as 12.50.", code="invalid") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        mode, value = cleaned.get("price_mode"), cleaned.get("price_value")
        if "price_value" in self.errors or not mode:
            return cleaned
        if value is None:
            self.add_error("price_value", ValidationError("Required.", code="required"))
        elif mode != PriceChangeMode.PERCENT and (value != current_tenant().quantize_amount(value)):
            detail = f"At most {current_tenant().currency_exponent} decimals."
            self.add_error("price_value", ValidationError(detail, code="max_decimal_places"))
        return cleaned

    def build_edit(self) -> BulkEdit:
        given = self.cleaned_data
        price = None
        if given["price_mode"]:
            mode = PriceChangeMode(given["price_mode"])
            price = PriceChange(mode, given["price_value"], given["ends_in_nine"])
        values = {name: self.rows[name][given[name]] for name in self.rows if given[name]}
        if given["is_active"]:
            values["is_active"] = given["is_active"] == "yes"
        return BulkEdit(price, values)


class BulkEditMixin(ShopAdmin):
    """Adds the page of changes to the list of products."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.bulk_edit_view)
        return [path("bulk-edit/", view, name="orders_product_bulk_edit"), *super().get_urls()]

    def bulk_edit_view(
        self, request: HttpRequest, chosen: Sequence[uuid.UUID] = ()
    ) -> HttpResponse:
        """Show the form, then the changes, and apply what was shown."""
        by: Any = request.user
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "price_mode" in request.POST:
            form = BulkEditForm(request.POST)
            if not form.is_valid():
                return self.render_bulk_edit(request, form)
            ids, edit = form.cleaned_data["products"], form.build_edit()
            if self.apply(request, form, ids, edit, by):
                return HttpResponseRedirect(reverse("shop:orders_product_changelist"))
            return self.render_bulk_edit(request, form, plan_bulk_edit(ids, edit))
        if not chosen:
            messages.warning(request, "Select products in their list, and the action above it.")
            return HttpResponseRedirect(reverse("shop:orders_product_changelist"))
        form = BulkEditForm(initial={"products": ",".join(map(str, chosen))})
        return self.render_bulk_edit(request, form)

    def apply(
        self,
        request: HttpRequest,
        form: BulkEditForm,
        ids: Sequence[uuid.UUID],
        edit: BulkEdit,
        by: User,
    ) -> bool:
        """Apply what the preview has shown, and return whether it was; not without a preview."""
        digest = request.POST.get("digest")
        if not digest:
            return False
        try:
            changed = edit_products(ids, edit, expected_digest=digest, by=by)
        except VersionConflict:
            form.add_error(None, ValidationError(CHANGED, code="version_conflict"))
            return False
        except Invalid as refusal:
            for error in refusal.errors:
                form.add_error(None, ValidationError(error.detail, code=error.code))
            return False
        messages.success(request, f"Products changed: {changed}.")
        return True

    def render_bulk_edit(
        self, request: Any, form: BulkEditForm, plan: BulkPlan | None = None
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": "Edit products",
            "opts": self.opts,
            "form": form,
            "plan": plan,
            "count": len((form["products"].value() or "").split(",")),
            "columns": list(LABELS.values()),
            "rows": [build_row(each) for each in plan.changes[:MAX_SHOWN]] if plan else [],
            "errors": [build_row(each) for each in plan.errors[:MAX_SHOWN]] if plan else [],
        }
        return TemplateResponse(request, "admin/shop/bulk_edit.html", context)


def build_row(change: PlannedChange) -> dict[str, Any]:
    """Return the cells of a product: what each field was and will be."""
    return {
        "url": admin_url(change.product),
        "name": change.product.name,
        "sku": change.product.sku,
        "error": change.error,
        "cells": [describe(change.facts.get(name)) for name in LABELS],
    }


def describe(fact: dict[str, Any] | None) -> tuple[str, str] | None:
    return None if fact is None else (format_value(fact["from"]), format_value(fact["to"]))


def format_value(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return "none" if value is None else str(value)
