"""Page that imports a catalog file, with the errors of its rows."""

import json
from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from accounts.admin.forms import validate_input
from orders.exceptions import InvalidRows
from orders.models import TaxClass
from orders.serializers.catalog_file import MAX_FILE_BYTES, ImportOptionsInput, build_import_options
from orders.services.catalog.csv_export import export_products
from orders.services.catalog.csv_import import import_products
from orders.services.catalog.file_columns import ImportOptions
from orders.services.catalog.file_preview import build_file_preview
from tenants.api.uploads import stream_csv
from tenants.exceptions import DomainError, Invalid
from tenants.models import Store
from tenants.scope import current_tenant

FILE_TOO_LARGE = "The file has more than 16 MiB. Split it into several files."
MAPPING_HELP = (
    "Only for files that are not recognized: one heading of the file per line, with the column "
    "that it means, such as Preis = price. Export files of other systems are recognized by their "
    "English headings; for those in another language enter the English heading, such as "
    "Referenz = Handle."
)
# What texts of the API call its fields, and their labels in the form.
LABELS = {
    " (`tax_class`)": " (Tax class)",
    " (`store`)": " (Store of the stock)",
    "with `mapping`": "in the field Columns",
}
DRY_RUN_HELP = "Shows what the import would do. Nothing is saved."


class ImportForm(forms.Form):
    """A catalog file, and what the user says about it."""

    file = forms.FileField(help_text="CSV or .xlsx, at most 16 MiB.")
    store = forms.ModelChoiceField(
        Store.objects.none(),
        required=False,
        label="Store of the stock",
        help_text="Needed if the file has stock without naming a store.",
    )
    tax_class = forms.ModelChoiceField(
        TaxClass.objects.none(),
        required=False,
        help_text="For new products whose taxes are not in the file or not in the shop.",
    )
    mapping = forms.CharField(
        required=False,
        label="Columns",
        widget=forms.Textarea(attrs={"rows": 4, "cols": 50}),
        help_text=MAPPING_HELP,
    )
    dry_run = forms.BooleanField(
        required=False, initial=True, label="Check only", help_text=DRY_RUN_HELP
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.get_choice("store").queryset = Store.objects.filter(is_active=True).order_by("name")
        self.get_choice("tax_class").queryset = TaxClass.objects.order_by("name")

    def get_choice(self, name: str) -> Any:
        return self.fields[name]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_FILE_BYTES:
            raise ValidationError(FILE_TOO_LARGE, code="body_too_large")
        return file

    def clean_mapping(self) -> dict[str, str]:
        lines = [line for line in self.cleaned_data["mapping"].splitlines() if line.strip()]
        if not all("=" in line for line in lines):
            raise ValidationError("Write lines such as Preis = price.", code="invalid")
        pairs = (line.rpartition("=") for line in lines)
        return {heading.strip(): column.strip() for heading, _, column in pairs}

    def build_options(self) -> ImportOptions:
        """Return the options, as validated by the API. Raises `Invalid`."""
        mapping = self.cleaned_data["mapping"]
        given = {name: self.cleaned_data[name] for name in ("store", "tax_class")}
        body = {name: row for name, row in given.items() if row is not None}
        body |= {"mapping": json.dumps(mapping)} if mapping else {}
        return build_import_options(validate_input(ImportOptionsInput(), body))


class ProductImportMixin:
    """Adds the import page to the list of products."""

    import_template = "admin/shop/import.html"

    def get_urls(self: Any) -> list[Any]:
        view = self.admin_site.admin_view(self.import_view)
        export = self.admin_site.admin_view(self.export_view)
        return [
            path("import/", view, name="orders_product_import"),
            path("export/", export, name="orders_product_export"),
            *super().get_urls(),
        ]

    def export_view(self: Any, request: HttpRequest) -> Any:
        """Return the whole catalog as the CSV file that the import reads."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        shop = current_tenant()
        name = f"{shop.slug}-products-{timezone.now():%Y-%m-%d}.csv"
        return stream_csv(export_products(shop), filename=name)

    def import_view(self: Any, request: HttpRequest) -> HttpResponse:
        """Show the form, and import or check the file that it sends."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        report = preview = None
        if request.method == "POST" and form.is_valid():
            report = self.run_import(request, form)
        if report and not report["is_saved"]:
            file, options = form.cleaned_data["file"], form.build_options()
            preview = build_file_preview(file, options, report["errors"])
        context = self.admin_site.each_context(request) | {
            "title": "Import products",
            "opts": self.opts,
            "form": form,
            "report": report,
            "preview": preview,
        }
        return TemplateResponse(request, self.import_template, context)

    def run_import(self: Any, request: HttpRequest, form: ImportForm) -> dict[str, Any] | None:
        """Return what the import did or would do, or None where the form has the error."""
        dry_run = form.cleaned_data["dry_run"]
        try:
            report = import_products(
                form.cleaned_data["file"], form.build_options(), dry_run=dry_run, by=request.user
            )
        except InvalidRows as refusal:
            errors = [asdict(error) for error in refusal.errors]
            return build_context({**refusal.facts, "errors": errors}, is_saved=False)
        except Invalid as refusal:
            for error in refusal.errors:
                field = error.field if error.field in form.fields else None
                form.add_error(field, ValidationError(error.detail, code=error.code))
            return None
        except DomainError as refusal:
            form.add_error(None, ValidationError(str(refusal), code=refusal.code))
            return None
        return build_context(asdict(report), is_saved=not dry_run)


def build_context(report: dict[str, Any], *, is_saved: bool) -> dict[str, Any]:
    """Return the report for the page, whose errors and warnings name the fields of the form."""
    lists = {
        name: [error | {"detail": use_labels(error["detail"])} for error in report[name]]
        for name in ("errors", "warnings")
    }
    return report | lists | {"is_saved": is_saved}


def use_labels(detail: str) -> str:
    for name, label in LABELS.items():
        detail = detail.replace(name, label)
    return detail
