"""Rows of a file that has nothing but stock: one for each product and location."""

from collections.abc import Iterator, Mapping, Sequence

from orders.services.catalog.column_places import ColumnPlaces
from orders.services.catalog.csv_rows import Cells, clean_cell
from orders.services.catalog.file_formats import FileFormat, normalize_heading
from orders.services.catalog.foreign_rows import ForeignRows
from tenants.exceptions import FieldError
from tenants.models import Store

MAX_NAME_LENGTH = 100
# Where a location does not have the product, Shopify writes this instead of a quantity.
NOT_STOCKED = "not stocked"


class StockRows(ForeignRows):
    """Reader that gives the first row of a product the stock of all its rows.

    A location is the store of the same name. The only location of a file may be named otherwise
    than the store that is chosen, or the only one of the shop.
    """

    def __init__(
        self,
        file_format: FileFormat,
        places: ColumnPlaces,
        stores: Mapping[str, Store],
        chosen: Store | None,
    ) -> None:
        super().__init__(file_format, places)
        self.stores, self.chosen = stores, chosen
        # Names of locations as they are written, by the names that are compared.
        self.locations: dict[str, str] = {}
        self.quantities: dict[str, list[tuple[str, str]]] = {}

    def restart(self) -> None:
        super().restart()
        self.done: set[str] = set()

    def see(self, cells: Sequence[str]) -> None:
        """Note the stock of a row, before the first row of its product is read."""
        name = self.get_first("location", cells)
        location = normalize_heading(name)
        if location:
            self.locations.setdefault(location, name)
        quantity = self.read_quantity(cells)
        sku = self.read_sku(cells)
        if sku and quantity:
            self.quantities.setdefault(sku, []).append((location, quantity))

    def read(self, cells: Sequence[str]) -> Cells | None:
        """Return the product and its stock, or None for its other rows and those without stock."""
        sku = self.read_sku(cells)
        if sku in self.done or sku not in self.quantities:
            return None
        self.done.add(sku)
        found = ((self.find_store(place), quantity) for place, quantity in self.quantities[sku])
        stock = tuple((store, quantity) for store, quantity in found if store)
        return Cells({"sku": sku}, stock) if stock else None

    def read_sku(self, cells: Sequence[str]) -> str:
        values = [value for _, value in self.read_options(cells)]
        return self.get_first("sku", cells) or self.build_spare_sku(cells, values)

    def read_quantity(self, cells: Sequence[str]) -> str:
        for place in self.fields.get("quantity", ()):
            cell = clean_cell("stock", cells[place])
            if cell.strip() and cell.strip().casefold() != NOT_STOCKED:
                return cell
        return ""

    def find_store(self, location: str) -> Store | None:
        found = self.stores.get(location)
        return found or (self.chosen if len(self.locations) <= 1 else None)

    def list_stores(self) -> list[Store]:
        """Return the stores whose stock the file has."""
        found = map(self.find_store, self.locations or ("",))
        return [store for store in found if store]

    def find_warnings(self, heading: str) -> Iterator[FieldError]:
        """Yield a warning for each location that is no store."""
        for location, name in self.locations.items():
            if self.find_store(location) is None:
                detail = f"There is no store named {name[:MAX_NAME_LENGTH]}. Its stock is ignored."
                yield FieldError(heading, "unknown_store", detail, row=1)
