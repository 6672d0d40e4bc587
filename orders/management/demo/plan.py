"""Data of a demo shop and its product list."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from accounts.models import Role
from orders.management.ids import stable_id
from orders.models import Product

Rates = Sequence[Mapping[str, Any]]

# Public, as their wording says. Long enough for the password rules of each role.
PASSWORDS = {
    Role.ADMIN: "demo-admin-password",
    Role.MANAGER: "demo-manager-password",
    Role.CASHIER: "demo-till-password",
}


# For the browser register, public too.
PINS = {Role.MANAGER: "593027", Role.CASHIER: "482915"}


@dataclass(frozen=True, slots=True)
class DemoUser:
    username: str
    role: Role
    display_name: str

    @property
    def password(self) -> str:
        return PASSWORDS[self.role]

    @property
    def pin(self) -> str | None:
        return PINS.get(self.role)


@dataclass(frozen=True, slots=True)
class DemoStore:
    """A store with a number of registers."""

    name: str
    address: str
    tills: int = 2


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product. Without a price it has an open price; without stock it is not tracked.

    `deposit` and `parent` are SKUs that come before it. `options` are texts such as "Size: M".
    """

    sku: str
    name: str
    category: str
    tax_class: str
    price: Decimal | None
    sold_by: str
    barcodes: tuple[str, ...]
    stock: Decimal | None
    plu: str | None
    deposit: str | None
    returnable: bool
    # Names of modifier lists of the shop.
    modifier_lists: tuple[str, ...]
    parent: str | None
    options: tuple[tuple[str, str], ...]
    content: Decimal | None
    content_unit: str | None
    cost: Decimal | None
    weight_unit: str
    external_id: str | None


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    name: str
    group: str
    email: str = ""
    phone: str = ""
    tax_number: str = ""


@dataclass(frozen=True, slots=True)
class DemoShop:
    slug: str
    settings: Mapping[str, Any]
    tax_classes: Mapping[str, Rates]
    places: Sequence[DemoStore]
    people: Sequence[DemoUser]
    # The receipt profile of the first store.
    receipts: Mapping[str, Any]
    customers: Sequence[DemoCustomer] = ()
    # By their names; the product of a modifier is a SKU.
    modifier_lists: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # Colors of simple pictures, by the SKUs of the products that they are the images of.
    pictures: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        """Return a fixed id, which tells the demo shop from a real one with the same slug."""
        return stable_id("demo", self.slug)

    def load_products(self) -> list[DemoProduct]:
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
        plu=row["plu"] or None,
        deposit=row["deposit"] or None,
        returnable=row["returnable"] == "yes",
        modifier_lists=tuple(filter(None, row["modifier_lists"].split("|"))),
        parent=row["parent"] or None,
        content=parse_decimal(row["content"].partition(" ")[0]),
        content_unit=row["content"].partition(" ")[2] or None,
        cost=parse_decimal(row["cost"]),
        weight_unit=row["weight_unit"] or Product.WeightUnit.KG.value,
        external_id=row["external_id"] or None,
        options=tuple(parse_option(each) for each in row["options"].split("|") if each),
    )


def parse_option(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


def parse_decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
