"""Numbers in forms, as people of the shop's country write them."""

from typing import Any

from django import forms

from tenants.api.formats import FormatError
from tenants.models import Tenant
from tenants.scope import current_tenant
from tenants.written_numbers import read_number, write_number


class EnteredText(str):
    """What a person has entered, which is shown again unchanged."""

    __slots__ = ()


class NumberField(forms.CharField):
    """A number with decimal comma or point.

    Its value is text with a decimal point, which the API serializer checks. Initial values are
    decimals, or text with a decimal point.
    """

    tenant: Tenant | None = None

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "decimal", "size": 12, "autocomplete": "off"}
        widget = forms.TextInput(attrs=attrs)
        super().__init__(**{"max_length": 20, "widget": widget, **options})

    def __deepcopy__(self, memo: Any) -> "NumberField":
        """Copy the field for a form, whose shop it remembers."""
        copied: NumberField = super().__deepcopy__(memo)
        copied.tenant = current_tenant()
        return copied

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return read_entered_number(text, self.tenant) if text else text

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data if data is None else EnteredText(data)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, EnteredText) else write_shown_number(value, self.tenant)

    def has_changed(self, initial: Any, data: Any) -> bool:
        shown = "" if initial is None else str(initial)
        return shown != (read_entered_number(data, self.tenant) if data else "")


def read_entered_number(text: str, tenant: Tenant | None = None) -> str:
    """Return an entered number with a decimal point; other text unchanged, for the serializer."""
    tenant = tenant or current_tenant()
    try:
        return read_number(text, country=tenant.country, currency=tenant.currency)
    except FormatError:
        return text.strip()


def write_shown_number(value: Any, tenant: Tenant | None = None) -> str | None:
    """Return a number as the shop's country writes it."""
    if value is None:
        return None
    return write_number(str(value), country=(tenant or current_tenant()).country)
