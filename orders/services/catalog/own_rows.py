"""Rows of a catalog file in the own format, or in any other one with a mapping of its columns."""

from collections.abc import Sequence

from orders.services.catalog.column_places import ColumnPlaces
from orders.services.catalog.csv_rows import Cells, clean_cell


class OwnRows:
    """Reader of rows whose columns have the names of fields."""

    def __init__(self, places: ColumnPlaces) -> None:
        self.stock = places.stock
        self.options_by_name = places.options_by_name
        self.plan = [(name, found[0]) for name, found in places.fields.items()]

    def see(self, cells: Sequence[str]) -> None:
        """Look at a row before all rows are read. No row depends on others."""

    def restart(self) -> None:
        """Start with the first row."""

    def read(self, cells: Sequence[str]) -> Cells:
        """Return the cells of a row by field."""
        values = {name: clean_cell(name, cells[place]) for name, place in self.plan}
        stock = tuple((store, clean_cell("stock", cells[place])) for place, store in self.stock)
        if not self.options_by_name:
            return Cells(values, stock)
        by_name = self.options_by_name
        options = tuple((name, clean_cell("options", cells[place])) for place, name in by_name)
        return Cells(values, stock, options)
