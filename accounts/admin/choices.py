"""Choices of countries, currencies and time zones, so that nobody has to know their codes."""

from functools import cache
from importlib.resources import files
from itertools import groupby

from django import forms

from tenants.currencies import CURRENCIES
from tenants.models.tenant import load_timezones

Choice = tuple[str, str]
EMPTY = ("", "\N{EN DASH}")


@cache
def list_countries() -> tuple[Choice, ...]:
    """Return the codes and names of ISO 3166 by name, as the time zone database has them."""
    text = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(sorted(((code, name) for code, name in lines), key=lambda each: each[1]))


@cache
def list_timezones() -> tuple[tuple[str, tuple[Choice, ...]], ...]:
    """Return the time zones of places by continent: `Europe/Berlin` as `Berlin`."""
    names = sorted(name for name in load_timezones() if is_place(name))
    groups = groupby(names, key=lambda name: name.partition("/")[0])
    places = ((area, tuple((name, describe_place(name)) for name in zone)) for area, zone in groups)
    return (("UTC", (("UTC", "UTC"),)), *places)


AREAS = frozenset(
    "Africa America Antarctica Arctic Asia Atlantic Australia Europe Indian Pacific".split()
)


def is_place(name: str) -> bool:
    return name.partition("/")[0] in AREAS and "/" in name


def describe_place(name: str) -> str:
    return name.partition("/")[2].replace("_", " ").replace("/", ", ")


def list_currencies() -> list[Choice]:
    return [(code, code) for code in sorted(CURRENCIES)]


class CountryField(forms.ChoiceField):
    """A country; a stored code that no country has stays a choice."""

    def keep(self, value: str) -> None:
        known = {code for code, _ in list_countries()}
        other = [(value, value)] if value and value not in known else []
        self.choices = [EMPTY, *other, *list_countries()]


class TimezoneField(forms.ChoiceField):
    """A time zone; a stored name of no place, such as `Etc/GMT`, stays a choice."""

    def keep(self, value: str) -> None:
        known = {name for _, places in list_timezones() for name, _ in places}
        other = [(value, value)] if value and value not in known else []
        self.choices = [*([] if self.required else [EMPTY]), *other, *list_timezones()]
