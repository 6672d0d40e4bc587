"""Page of receipt profiles: saving creates the next version of the store."""

import base64
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin

from accounts.admin.forms import ServiceForm
from accounts.admin.pages import RecordAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.models import ReceiptProfile
from orders.serializers.receipt_profile import ReceiptProfileFields, ReceiptProfileInput
from orders.services.documents.printer_settings import CODE_PAGES
from orders.services.receipt_profiles import save_profile

ONE_A_LINE = "One on each line."
LINE_FIELDS = ("header", "footer")


class LinesField(forms.CharField):
    """Lines of text."""

    widget = forms.Textarea(attrs={"rows": 5})

    def __init__(self) -> None:
        super().__init__(required=False, help_text="Up to 10 lines.", strip=False)


class ReceiptProfileForm(ServiceForm):
    """Form with lines as text, and the logo as a file."""

    tax_numbers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text='One on each line, with its label: "VAT ID: DE123456789".',
    )
    header, footer = LinesField(), LinesField()
    code_page = forms.ChoiceField(choices=[(each, each) for each in sorted(CODE_PAGES)])
    # A model form cannot have a field for binary data under the name of the model's field.
    new_logo = forms.FileField(
        required=False,
        label="Logo",
        help_text="A PNG image of at most 200 KB and 1024 x 1024 pixels.",
    )
    keep_logo = forms.BooleanField(
        required=False, initial=True, label="Keep the current logo unless another is chosen"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new:
            self.initial["code_page"] = "pc858"
            return
        self.initial.update({name: "\n".join(getattr(self.instance, name)) for name in LINE_FIELDS})
        self.initial["tax_numbers"] = "\n".join(map(format_tax_number, self.instance.tax_numbers))


def format_tax_number(item: Mapping[str, str]) -> str:
    """Return the line of a tax number. A number that looks like a line with a label begins ": "."""
    label, number = item["label"], item["number"]
    return f"{label}: {number}" if label or ": " in f"{number} " else number


def parse_tax_number(line: str) -> dict[str, str]:
    """Return the tax number of a line: the label ends at the first colon with a space."""
    label, colon, number = f"{line.strip()} ".partition(": ")
    return {"label": label.strip() if colon else "", "number": (number if colon else label).strip()}


@admin.register(ReceiptProfile, site=shop_site)
class ReceiptProfileAdmin(RecordAdmin):
    """The versions of receipt profiles, newest first. Only the current one can be edited."""

    view_role = edit_role = Role.MANAGER
    add_input, change_input = ReceiptProfileInput, ReceiptProfileFields
    form = ReceiptProfileForm
    list_display = ("store", "version", "legal_name", "language", "paper_mm", "created_at")
    list_display_links = ("store", "version")
    list_filter = ("store",)
    list_select_related = ("store",)
    fields = (
        "store",
        "legal_name",
        "address",
        "tax_numbers",
        "header",
        "return_policy",
        "footer",
        "language",
        "paper_mm",
        "code_page",
        "drawer_pulse",
        "new_logo",
        "keep_logo",
    )

    def may_change(self, user: User, row: ReceiptProfile) -> bool:
        return row.store.receipt_profile == row.pk

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("store").defer("logo")

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is None or self.may_change(request.user, obj):
            return fields if obj is None else ("version", *fields)
        return ("version", *(name for name in fields if name not in {"new_logo", "keep_logo"}))

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("version", "store")

    def get_title(self, row: ReceiptProfile) -> str:
        return f"Receipt profile of {row.store}, version {row.version}"

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        given = dict(cleaned)
        for name in LINE_FIELDS:
            text = given[name].replace("\r\n", "\n")
            given[name] = text.split("\n") if text else []
        lines = [line for line in given["tax_numbers"].splitlines() if line.strip()]
        given["tax_numbers"] = [parse_tax_number(line) for line in lines]
        upload = given.pop("new_logo", None)
        given["paper_mm"] = int(given["paper_mm"])
        if upload:
            given["logo"] = base64.b64encode(upload.read()).decode()
            given["keep_logo"] = False
        return super().read(given, partial=partial)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_profile(given, keep_logo=given.pop("keep_logo", False), by=by)

    def change(
        self, row: ReceiptProfile, given: dict[str, Any], *, expected_version: int, by: User
    ) -> Any:
        keep_logo = given.pop("keep_logo", False)
        values = {**given, "store": row.store}
        return save_profile(values, replaces=row.pk, keep_logo=keep_logo, by=by)
