"""What a demo shop consists of, and the list of its goods."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import Role
from orders.management.ids import stable_id

Rates = Sequence[Mapping[str, Any]]

# Known to everybody, and they say so. Long enough for what each role needs.
PASSWORDS = {
    Role.ADMIN: "demo-admin-password",
    Role.MANAGER: "demo-manager-password",
    Role.CASHIER: "demo-till-password",
}


@dataclass(frozen=True, slots=True)
class DemoUser:
    username: str
    role: Role
    display_name: str

    @property
    def password(self) -> str:
        return PASSWORDS[self.role]


@dataclass(frozen=True, slots=True)
class DemoStore:
    """A store, and how many tills stand in it."""

    name: str
    address: str
    tills: int = 2


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """One line of the list. Without a price the cashier types it, without stock none is kept."""

    sku: str
    name: str
    category: str
    tax_class: str
    price: Decimal | None
    sold_by: str
    barcodes: tuple[str, ...]
    stock: Decimal | None


@dataclass(frozen=True, slots=True)
class DemoShop:
    slug: str
    settings: Mapping[str, Any]
    tax_classes: Mapping[str, Rates]
    places: Sequence[DemoStore]
    people: Sequence[DemoUser]

    @property
    def id(self) -> UUID:
        """Tells the demo shop from a real one that took the same name."""
        return stable_id("demo", self.slug)

    def goods(self) -> list[DemoProduct]:
        return read_products(Path(__file__).with_name(f"{self.slug}.csv"))


def read_products(path: Path) -> list[DemoProduct]:
    with path.open(encoding="utf-8", newline="") as file:
        return [parse_product(row) for row in csv.DictReader(file)]


def parse_product(row: dict[str, str]) -> DemoProduct:
    return DemoProduct(
        sku=row["sku"],
        name=row["name"],
        category=row["category"],
        tax_class=row["tax_class"],
        price=parse_decimal(row["price"]),
        sold_by=row["sold_by"],
        barcodes=tuple(row["barcodes"].split()),
        stock=parse_decimal(row["stock"]),
    )


def parse_decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
