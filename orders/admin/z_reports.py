"""List of Z reports with the differences of their counts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse

from accounts.admin.filters import parse_day_start
from accounts.admin.tables import admin_url
from accounts.admin_site.site import shop_site
from orders.admin.amounts import format_signed, format_with_minus, sum_amounts
from orders.admin.links import find_row
from orders.admin.printing import build_print_url
from orders.models import Payment, Shift
from tenants.models import Store
from tenants.paginators import BoundedPaginator

ROWS_PER_PAGE = 50
METHODS = dict(Payment.Method.choices)


@dataclass(frozen=True, slots=True)
class ZRow:
    """A Z report with its links, and the differences between expected and counted amounts."""

    shift: Shift
    expected: str
    counted: str
    difference: Decimal | None
    others: list[str]

    @property
    def shown_difference(self) -> str:
        return "" if self.difference is None else format_signed(self.difference)

    @property
    def page(self) -> str:
        return admin_url(self.shift)

    @property
    def print_url(self) -> str:
        return build_print_url(self.shift, "z-report")

    @property
    def pdf_url(self) -> str:
        return build_print_url(self.shift, "z-report", "pdf")


@dataclass(frozen=True, slots=True)
class ZQuestion:
    """What the address of the page asks for: a store, and days on which shifts were opened."""

    store: Store | None
    first: datetime | None
    last: datetime | None

    @property
    def query(self) -> str:
        given = {
            "store": self.store and str(self.store.pk),
            "from": self.first and self.first.date().isoformat(),
            "to": self.last and self.last.date().isoformat(),
        }
        return urlencode({name: value for name, value in given.items() if value})

    def find_shifts(self, user: Any) -> QuerySet[Shift]:
        shifts = Shift.objects.visible_to(user).filter(status=Shift.Status.CLOSED)
        if self.store is not None:
            shifts = shifts.filter(store=self.store)
        if self.first is not None:
            shifts = shifts.filter(created_at__gte=self.first)
        if self.last is not None:
            shifts = shifts.filter(created_at__lt=self.last + timedelta(days=1))
        rows = shifts.select_related("register", "store", "closed_by").defer("z_report")
        return rows.order_by("-created_at", "-id")


@shop_site.page("z-reports/", name="z_reports", links={"Z reports": ""})
def z_reports_view(request: HttpRequest) -> HttpResponse:
    """List closed shifts, newest first, by store, register and day of opening."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    question = read_question(request)
    pages = BoundedPaginator(question.find_shifts(request.user), ROWS_PER_PAGE)
    page = pages.get_page(request.GET.get("p"))
    shown = [build_row(shift) for shift in page]
    stores = Store.objects.visible_to(request.user).order_by("name", "pk")
    request.current_app = shop_site.name
    context = shop_site.each_context(request) | {
        "title": "Z reports",
        "stores": list(stores),
        "question": question,
        "rows": shown,
        "sum": format_signed(sum_amounts(row.difference or 0 for row in shown)),
        "page": page,
        "query": question.query,
    }
    return TemplateResponse(request, "admin/shop/z_reports.html", context)


def read_question(request: HttpRequest) -> ZQuestion:
    store = find_row(Store, request.GET.get("store", ""), request.user)
    first, last = (parse_day_start(request.GET.get(name)) for name in ("from", "to"))
    return ZQuestion(store, first, last)


def build_row(shift: Shift) -> ZRow:
    counted = {each["method"]: each for each in shift.counted}
    cash = counted.pop(Payment.Method.CASH.value, {})
    others = [
        f"{METHODS[method]} {format_signed(each['difference'])}"
        for method, each in sorted(counted.items())
        if each["counted"] is not None and Decimal(each["difference"])
    ]
    is_counted = cash.get("counted") is not None
    return ZRow(
        shift,
        format_with_minus(cash.get("expected") or ""),
        format_with_minus(cash.get("counted") or ""),
        Decimal(cash["difference"]) if is_counted else None,
        others,
    )
