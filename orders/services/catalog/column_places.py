"""Places of the columns of a catalog file, by what they contain."""

from dataclasses import dataclass, field
from decimal import Decimal

from tenants.models import Store


@dataclass(slots=True)
class ColumnPlaces:
    """Positions of the columns that are read.

    `stock` has the columns of stores. `options_by_name` are single options in the own format, and
    `named_options` the positions of name, if there is one, and value in other systems.
    `tax_percents` and `modifier_lists` mark the products that have a rate or a list.
    """

    fields: dict[str, list[int]] = field(default_factory=dict)
    stock: list[tuple[int, Store]] = field(default_factory=list)
    options_by_name: list[tuple[int, str]] = field(default_factory=list)
    named_options: list[tuple[int | None, int]] = field(default_factory=list)
    tax_percents: list[tuple[int, Decimal]] = field(default_factory=list)
    modifier_lists: list[tuple[int, str]] = field(default_factory=list)

    def list_all(self) -> set[int]:
        """Return the positions of all columns that are read."""
        read = {place for places in self.fields.values() for place in places}
        for marked in (self.stock, self.options_by_name, self.tax_percents, self.modifier_lists):
            read |= {each[0] for each in marked}
        return read
