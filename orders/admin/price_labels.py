"""Page that prints price labels: of chosen products, and of everything that changed on a day."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from accounts.admin.tables import admin_url
from accounts.admin_site.site import shop_site
from orders.exceptions import PdfUnavailable
from orders.models import Product
from orders.services.documents.label_sheets import SHEETS, LabelSheet
from orders.services.documents.price_labels import (
    build_price_labels,
    find_changed,
    find_products,
)
from orders.services.documents.renderers.label_pdf import render_label_pdf
from tenants.api.formats import FormatError, parse_uuid
from tenants.models import Store
from tenants.scope import current_tenant

MAX_PRODUCTS = 5000
# Drawing one takes about 12 milliseconds.
MAX_LABELS_PER_FILE = 500
MAX_COPIES = 50
MAX_SHOWN = 50
LETTER_COUNTRIES = frozenset({"CA", "CL", "CO", "CR", "MX", "PA", "PH", "PR", "US", "VE"})


class LabelForm(forms.Form):
    """Which products, with the prices of which store, on which sheet."""

    # Ids of chosen products; without them, those that changed since the day.
    products = forms.CharField(required=False, widget=forms.HiddenInput)
    store = forms.ModelChoiceField(Store.objects.none(), empty_label=None, label="Prices of")
    since = forms.DateField(
        label="Changed since", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    sheet = forms.ChoiceField(choices=[(key, sheet.label) for key, sheet in SHEETS.items()])
    start = forms.IntegerField(
        min_value=1,
        initial=1,
        label="First free label",
        help_text="Counted from the top left, row by row, for a sheet of which some are used.",
    )
    copies = forms.IntegerField(min_value=1, max_value=MAX_COPIES, initial=1)

    def __init__(self, *args: Any, stores: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice: Any = self.fields["store"]
        choice.queryset = stores
        if self["products"].value():
            del self.fields["since"]

    def clean_products(self) -> list[uuid.UUID]:
        try:
            return parse_ids(self.cleaned_data["products"])
        except FormatError as error:
            raise ValidationError("Choose the products again.", code="invalid") from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        sheet = SHEETS.get(cleaned.get("sheet", ""))
        if sheet and cleaned.get("start", 1) > sheet.per_page:
            detail = f"The sheet has {sheet.per_page} labels."
            self.add_error("start", ValidationError(detail, code="invalid"))
        return cleaned


def parse_ids(text: str) -> list[uuid.UUID]:
    return [parse_uuid(each) for each in text.split(",") if each][:MAX_PRODUCTS]


@shop_site.page(
    "labels/", name="price_labels", links={"Price labels of changes": ""}, group="Labels"
)
def price_labels_view(request: HttpRequest, chosen: Sequence[uuid.UUID] = ()) -> HttpResponse:
    """Show the labels, or return a part of them as PDF.

    `chosen` are products that were selected in their list.
    """
    user: Any = request.user
    stores = Store.objects.visible_to(user).filter(is_active=True).order_by("name", "pk")
    form, given = read_form(request, stores, chosen)
    context = shop_site.each_context(request) | {"title": "Price labels", "form": form}
    if given is None:
        return render_page(request, context)
    products = find_products(find_ids(given))
    sheet = SHEETS[given["sheet"]]
    parts = split_parts(sheet, len(products), given["start"], given["copies"])
    if (number := request.POST.get("part", "")) in map(str, range(len(parts))):
        part = parts[int(number)]
        try:
            return build_pdf(products, part, given["store"], sheet, given["copies"])
        except PdfUnavailable as refusal:
            messages.error(request, str(refusal))
    shown = products[:MAX_SHOWN]
    labels = build_price_labels(shown, given["store"])
    context |= {
        "rows": [
            (admin_url(product), product, label)
            for product, label in zip(shown, labels, strict=True)
        ],
        "count": len(products),
        "is_chosen": bool(given["products"]),
        "parts": [describe_part(part) for part in parts],
    }
    return render_page(request, context)


def read_form(
    request: HttpRequest, stores: Any, chosen: Sequence[uuid.UUID]
) -> tuple[LabelForm, dict[str, Any] | None]:
    """Return the form, and what it says; None if that is wrong."""
    first = stores.first()
    if first is None:
        raise PermissionDenied
    initial = {
        "products": ",".join(map(str, chosen)),
        "store": first.pk,
        "since": first.business_days.day_at(timezone.now()),
        "sheet": "5160" if current_tenant().country in LETTER_COUNTRIES else "L7160",
        "start": 1,
        "copies": 1,
    }
    # The list of products sends its action here, without the fields of the form.
    if request.method == "POST" and "sheet" in request.POST:
        form = LabelForm(request.POST, stores=stores)
        return form, form.cleaned_data if form.is_valid() else None
    form = LabelForm(stores=stores, initial=initial)
    return form, initial | {"store": first, "products": chosen}


def render_page(request: Any, context: dict[str, Any]) -> HttpResponse:
    request.current_app = shop_site.name
    return TemplateResponse(request, "admin/shop/price_labels.html", context)


def find_ids(given: dict[str, Any]) -> Sequence[uuid.UUID]:
    """Return the chosen products, or those that changed since the beginning of a business day."""
    if given["products"]:
        ids: Sequence[uuid.UUID] = given["products"]
        return ids
    store = given["store"]
    try:
        since = store.business_days.start_of_day(given["since"])
    except OverflowError:
        since = datetime.combine(given["since"], time(), UTC)
    return find_changed(store, since)[:MAX_PRODUCTS]


# Numbers of the first product and after the last one, and the first place on the first sheet.
Part = tuple[int, int, int]


def split_parts(sheet: LabelSheet, count: int, start: int, copies: int) -> list[Part]:
    """Return the parts that fit into a file each. The next one goes on where one has ended."""
    parts: list[Part] = []
    begun, place = 0, start
    while begun < count:
        size = max(1, (MAX_LABELS_PER_FILE - place + 1) // copies)
        end = min(count, begun + size)
        parts.append((begun, end, place))
        place = (place - 1 + (end - begun) * copies) % sheet.per_page + 1
        begun = end
    return parts


def describe_part(part: Part) -> str:
    return f"{part[0] + 1} \N{EN DASH} {part[1]}"


def build_pdf(
    products: Sequence[Product], part: Part, store: Store, sheet: LabelSheet, copies: int
) -> HttpResponse:
    begun, end, start = part
    labels = build_price_labels(products[begun:end], store)
    content = render_label_pdf(labels, sheet, start=start, copies=copies)
    headers = {
        "Content-Type": "application/pdf",
        "Content-Disposition": 'inline; filename="price-labels.pdf"',
    }
    return HttpResponse(content, headers=headers)
