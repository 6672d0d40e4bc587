"""Read the files of a replay: the products and the sold baskets."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from django.core.management import CommandError

T = TypeVar("T")
Row = dict[str, str]

ARTICLE = ("sku", "name", "category", "package_size", "price")
LINE = ("basket_id", "store_id", "sku", "quantity", "unit_price", "discount", "coupon", "paid")


@dataclass(frozen=True, slots=True)
class Article:
    sku: str
    name: str
    category: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One product of a basket at the price of that day."""

    sku: str
    quantity: Decimal
    unit_price: Decimal
    discount: Decimal
    coupon: Decimal
    paid: Decimal


@dataclass(frozen=True, slots=True)
class SoldBasket:
    id: str
    store: str
    lines: tuple[SoldLine, ...]

    @property
    def paid(self) -> Decimal:
        return sum((line.paid for line in self.lines), Decimal(0))


def read_articles(folder: Path) -> list[Article]:
    return list(_read(folder / "products.csv", ARTICLE, _article))


def read_baskets(folder: Path, limit: int | None = None) -> list[SoldBasket]:
    """Return the baskets in the order of the file, which groups the lines by basket."""
    lines = _read(folder / "baskets.csv", LINE, _line)
    baskets = (
        SoldBasket(id=basket, store=store, lines=tuple(line for _, _, line in group))
        for (basket, store), group in groupby(lines, key=itemgetter(0, 1))
    )
    return list(islice(baskets, limit))


def ensure_complete(articles: Sequence[Article], baskets: Sequence[SoldBasket]) -> None:
    """Raise CommandError for repeated baskets and for unknown products."""
    if len({basket.id for basket in baskets}) < len(baskets):
        raise CommandError("baskets.csv: the lines of each basket must stand together.")
    known = {article.sku for article in articles}
    unknown = {line.sku for basket in baskets for line in basket.lines} - known
    if unknown:
        some = ", ".join(sorted(unknown)[:5])
        raise CommandError(f"baskets.csv sells what products.csv does not have: {some}.")


def _read(path: Path, columns: Sequence[str], make: Callable[[Row], T]) -> Iterator[T]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if missing := set(columns) - set(rows.fieldnames or ()):
                raise CommandError(f"{path} has no column {', '.join(sorted(missing))}.")
            for number, row in enumerate(rows, start=2):
                yield _parse_row(make, row, f"{path}, row {number}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _parse_row(make: Callable[[Row], T], row: Row, place: str) -> T:
    try:
        return make(row)
    except (InvalidOperation, AttributeError, TypeError) as error:
        raise CommandError(f"{place}: this is not a row of such a file.") from error


def _article(row: Row) -> Article:
    return Article(
        sku=row["sku"],
        name=f"{row['name']} {row['package_size']}".strip(),
        category=row["category"].strip(),
        price=Decimal(row["price"]),
    )


def _line(row: Row) -> tuple[str, str, SoldLine]:
    amounts = {name: Decimal(row[name]) for name in ("unit_price", "discount", "coupon", "paid")}
    line = SoldLine(sku=row["sku"], quantity=Decimal(row["quantity"]), **amounts)
    return row["basket_id"], row["store_id"], line
