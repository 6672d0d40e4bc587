"""The two demo shops, which differ in taxes and cash rounding.

Barcodes begin with 952, the GS1 prefix for demonstrations.
"""

from decimal import Decimal
from typing import Any

from accounts.models import Role
from orders.management.demo.plan import DemoCustomer, DemoShop, DemoStore, DemoUser


def _rate(name: str, percent: str, *, included: bool) -> dict[str, Any]:
    return {"name": name, "percent": percent, "included": included, "compound": False}


def _modifier(name: str, price: str = "0", product: str | None = None) -> dict[str, Any]:
    return {"name": name, "price": Decimal(price), "product": product}


CORNER = DemoShop(
    slug="corner",
    settings={
        "name": "Spätkauf am Ufer",
        "currency": "EUR",
        "country": "DE",
        "timezone": "Europe/Berlin",
        "prices_include_tax": True,
    },
    tax_classes={
        "Standard": [_rate("MwSt.", "19", included=True)],
        "Reduced": [_rate("MwSt.", "7", included=True)],
    },
    places=[DemoStore("Maybachufer", "Maybachufer 1\n12047 Berlin")],
    people=[
        DemoUser("admin", Role.ADMIN, "Jana Vogt"),
        DemoUser("manager", Role.MANAGER, "Tobias Kern"),
        DemoUser("lena", Role.CASHIER, "Lena Adam"),
        DemoUser("emre", Role.CASHIER, "Emre Yilmaz"),
    ],
    receipts={
        "legal_name": "Spätkauf am Ufer, Inh. Jana Vogt",
        "tax_numbers": [{"label": "USt-IdNr.", "number": "DE999999999"}],
        "header": ["Täglich von 10 bis 24 Uhr"],
        "return_policy": "Umtausch binnen 14 Tagen mit diesem Beleg.",
        "footer": ["Danke und bis bald!", "Demo ohne zertifizierte TSE"],
        "language": "de",
        "drawer_pulse": True,
    },
    customers=[
        DemoCustomer(
            "Büro Nordlicht GmbH",
            "Firmen",
            "office@nordlicht.example",
            "030 5550101",
            "DE999999998",
        ),
        DemoCustomer(
            "Paula Richter", "Stammkunden", "paula.richter@mail.example", "+49 170 5550102"
        ),
    ],
    modifier_lists={
        "Größe": {"min": 1, "max": 1, "modifiers": [_modifier("klein"), _modifier("groß", "0.80")]},
        "Zutaten": {
            "max": 3,
            "allow_quantity": True,
            "modifiers": [_modifier("Sahne", "0.50"), _modifier("Haferdrink", "0.40")],
        },
    },
    pictures={"OB-001": "#c0392b", "OB-002": "#f1c40f"},
)


_GST = _rate("GST", "5", included=False)
_PST = _rate("PST", "7", included=False)

HARBOR = DemoShop(
    slug="harbor",
    settings={
        "name": "Harbor Cafe & Deli",
        "currency": "CAD",
        "country": "CA",
        "timezone": "America/Vancouver",
        "prices_include_tax": False,
        # Canada has no one-cent coins.
        "cash_rounding_increment": Decimal("0.05"),
    },
    tax_classes={
        "Prepared food": [_GST],
        "Goods": [_GST, _PST],
        "Basic groceries": [],
    },
    places=[
        DemoStore("Waterfront", "1 Waterfront Road\nVancouver BC"),
        DemoStore("Granville Island", "1 Cartwright Street\nVancouver BC"),
    ],
    people=[
        DemoUser("admin", Role.ADMIN, "Grace Chen"),
        DemoUser("manager", Role.MANAGER, "Owen Walsh"),
        DemoUser("maya", Role.CASHIER, "Maya Singh"),
        DemoUser("noah", Role.CASHIER, "Noah Tremblay"),
    ],
    receipts={
        "legal_name": "Harbor Cafe & Deli Ltd.",
        "tax_numbers": [{"label": "GST", "number": "99999 9999 RT0001"}],
        "return_policy": "Returns within 14 days with this receipt.",
        "paper_mm": 58,
    },
    customers=[
        DemoCustomer("Pacific Kayaks Inc.", "Companies", "desk@kayaks.example", "604-555-0103"),
        DemoCustomer("Amira Haddad", "Members", phone="604-555-0104"),
    ],
    modifier_lists={
        "Size": {
            "min": 1,
            "max": 1,
            "modifiers": [
                _modifier("12 oz"),
                _modifier("16 oz", "0.75"),
                _modifier("20 oz", "1.25"),
            ],
        },
        "Milk": {
            "max": 1,
            "modifiers": [_modifier("Whole milk"), _modifier("Oat milk", "0.80", product="PAN-07")],
        },
        "Extras": {
            "max": 4,
            "allow_quantity": True,
            "modifiers": [
                _modifier("Espresso shot", "1.00"),
                _modifier("Vanilla syrup", "0.70"),
                _modifier("Maple syrup", "0.90"),
            ],
        },
    },
    pictures={"GIF-01": "#2c5f8a", "GIF-03": "#c8b08a"},
)

SHOPS = (CORNER, HARBOR)
