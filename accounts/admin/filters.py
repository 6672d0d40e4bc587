"""List filters by time, day, store and register."""

from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone
from django.utils.dateparse import parse_date

from accounts.models import User
from tenants.models import Register, Store
from tenants.written_numbers import read_amount

# Years that every time zone can represent, with the day after.
MIN_YEAR, MAX_YEAR = 1970, 9998
DAYS = {"1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}


class RecentDaysFilter(admin.SimpleListFilter):
    """Filter by the last 24 hours, 7 days or 30 days."""

    title = "time"
    parameter_name = "days"
    moment = "created_at"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return DAYS.items()

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() not in DAYS:
            return queryset
        since = timezone.now() - timedelta(days=int(self.value() or 0))
        return queryset.filter(**{f"{self.moment}__gte": since})


class DayFilter(admin.SimpleListFilter):
    """Filter by one calendar day in the tenant's time zone, entered in a date field."""

    title = "day"
    parameter_name = "day"
    template = "admin/shop/day_filter.html"
    moment = "created_at"

    def __init__(self, request: Any, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.others = list_other_parameters(request, {self.parameter_name, "p", "e"})

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("", "")]

    def choices(self, changelist: Any) -> Any:
        yield {"day": self.value() or "", "others": self.others}

    def queryset(self, request: Any, queryset: Any) -> Any:
        if (begins := parse_day_start(self.value())) is None:
            return queryset
        # Local wall-clock time: a day may have 23 or 25 hours.
        ends = begins + timedelta(days=1)
        return queryset.filter(**{f"{self.moment}__gte": begins, f"{self.moment}__lt": ends})


def parse_day_start(day: str | None) -> datetime | None:
    """Return local midnight of a date text, or None if it is invalid or out of range."""
    try:
        date = parse_date(day or "")
    except ValueError:
        return None
    if date is None or not MIN_YEAR <= date.year <= MAX_YEAR:
        return None
    return datetime.combine(date, time(), timezone.get_current_timezone())


class PlaceFilter(admin.SimpleListFilter):
    """Filter by one store or register of the tenant."""

    model: Any
    field: str
    order: tuple[str, ...] = ("name", "pk")

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [(str(place.pk), str(place)) for place in self.rows(request)]

    def rows(self, request: Any) -> Any:
        return self.model.objects.order_by(*self.order)

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(**{self.field: self.value()}) if self.value() in known else queryset


class StoreFilter(PlaceFilter):
    title = parameter_name = field = "store"
    model = Store


class RegisterFilter(PlaceFilter):
    title = parameter_name = field = "register"
    model = Register


class PersonFilter(PlaceFilter):
    """Filter by one person of the tenant."""

    model = User
    order = ("username_key",)

    def rows(self, request: Any) -> Any:
        return self.model.objects.visible_to(request.user).people().order_by(*self.order)


class CashierFilter(PersonFilter):
    title = parameter_name = field = "cashier"


class AmountFilter(admin.SimpleListFilter):
    """Filter by the smallest and the largest amount, entered as the shop's country writes them."""

    title = "total"
    parameter_name = "total_min"
    upper_name = "total_max"
    field = "total"
    template = "admin/shop/amount_filter.html"

    def __init__(self, request: Any, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        if self.upper_name in params:
            self.used_parameters[self.upper_name] = params.pop(self.upper_name)[-1]
        names = {self.parameter_name, self.upper_name, "p", "e"}
        self.others = list_other_parameters(request, names)

    def expected_parameters(self) -> Any:
        return [self.parameter_name, self.upper_name]

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("", "")]

    def choices(self, changelist: Any) -> Any:
        yield {
            "lower": self.value() or "",
            "upper": self.used_parameters.get(self.upper_name, ""),
            "others": self.others,
        }

    def queryset(self, request: Any, queryset: Any) -> Any:
        bounds = {"gte": self.value(), "lte": self.used_parameters.get(self.upper_name)}
        for lookup, text in bounds.items():
            if text and (amount := read_amount(text)) is not None:
                queryset = queryset.filter(**{f"{self.field}__{lookup}": amount})
        return queryset


def list_other_parameters(request: Any, names: set[str]) -> list[tuple[str, str]]:
    """Return the parameters of a list that the form of a filter keeps."""
    return [
        (name, value)
        for name, values in request.GET.lists()
        if name not in names
        for value in values
    ]
