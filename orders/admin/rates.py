"""Form field for the rates of a tax class: a table instead of JSON."""

from typing import Any

from django import forms
from django.template.loader import render_to_string

from accounts.admin.numbers import read_entered_number, write_shown_number

ROWS = 5
# Keys of a rate, and suffixes of the input names.
# The percentage as the country writes it.
SHOWN = "shown_percent"
NAME, PERCENT, INCLUDED, COMPOUND = COLUMNS = ("name", "percent", "included", "compound")


class RatesWidget(forms.Widget):
    """Rows with a name, a percentage and two check boxes; empty rows are ignored."""

    template_name = "admin/shop/tax_rates.html"

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        rates = [dict(rate) for rate in value or []]
        empty = [{INCLUDED: True} for _ in range(max(1, ROWS - len(rates)))]
        rows = [(f"{name}-{number}", rate) for number, rate in enumerate([*rates, *empty])]
        for _, rate in rows:
            rate[SHOWN] = write_shown_number(rate.get(PERCENT))
        return super().get_context(name, value, attrs) | {"rows": rows, "count": len(rows)}

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        """Render with the templates of the project; form widgets use Django's by default."""
        return render_to_string(self.template_name, self.get_context(name, value, attrs))

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[dict[str, Any]]:
        try:
            count = min(int(data.get(f"{name}-count", 0)), 100)
        except ValueError:
            count = 0
        rows = [self.rate(data, f"{name}-{number}") for number in range(count)]
        return [rate for rate in rows if rate[NAME] or rate[PERCENT]]

    def rate(self, data: Any, row: str) -> dict[str, Any]:
        return {
            NAME: data.get(f"{row}-{NAME}", "").strip(),
            PERCENT: read_entered_number(data.get(f"{row}-{PERCENT}", "")),
            INCLUDED: f"{row}-{INCLUDED}" in data,
            COMPOUND: f"{row}-{COMPOUND}" in data,
        }

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return f"{name}-count" not in data


class RatesField(forms.Field):
    """Passes the rows on unvalidated; the API serializer validates them."""

    widget = RatesWidget

    def has_changed(self, initial: Any, data: Any) -> bool:
        return (initial or []) != (data or [])
