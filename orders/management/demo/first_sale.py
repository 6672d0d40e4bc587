"""The first sale as shell commands: log in, open a shift, look up, sell, print."""

import json
from decimal import Decimal
from typing import Any

from accounts.models import Role
from orders.management.demo.plan import DemoShop, DemoUser
from orders.management.ids import stable_id
from tenants.models import Register

QUANTITY = 2
TENDERED = Decimal("5.00")
FLOAT = Decimal("100.00")

COMMANDS = r"""API={api}
TOKEN=$(curl -s "$API/auth/token/" -H 'Content-Type: application/json' \
  -d '{log_in}' \
  | sed 's/.*"access": *"\([^"]*\)".*/\1/')
curl -s -w '\n' "$API/shifts/" -H "Authorization: Bearer $TOKEN" \
  -H 'Content-Type: application/json' \
  -d '{shift}'
curl -s -w '\n' "$API/products/?barcode={barcode}" -H "Authorization: Bearer $TOKEN"
curl -s -w '\n' "$API/orders/" -H "Authorization: Bearer $TOKEN" \
  -H 'Content-Type: application/json' \
  -d '{order}'
curl -s "$API/orders/{order_id}/receipt/?format=text" -H "Authorization: Bearer $TOKEN"
"""


def build_first_sale(plan: DemoShop, register: Register, *, barcode: str, url: str) -> str:
    """Return the shell commands. Repeating them makes no second sale."""
    cashier = next(person for person in plan.people if person.role == Role.CASHIER)
    order = _order(plan, register, barcode)
    return COMMANDS.format(
        api=f"{url.rstrip('/')}/api/v1",
        log_in=json.dumps(_log_in(plan, cashier)),
        shift=json.dumps(_shift(plan, register)),
        barcode=barcode,
        order=json.dumps(order),
        order_id=order["id"],
    )


def _log_in(plan: DemoShop, cashier: DemoUser) -> dict[str, str]:
    return {"tenant": plan.slug, "username": cashier.username, "password": cashier.password}


def _shift(plan: DemoShop, register: Register) -> dict[str, str]:
    return {
        "id": str(stable_id("demo", plan.slug, "first shift")),
        "register": str(register.pk),
        "opening_float": str(FLOAT),
    }


def _order(plan: DemoShop, register: Register, barcode: str) -> dict[str, Any]:
    goods = next(each for each in plan.load_products() if barcode in each.barcodes)
    payment = {
        "id": str(stable_id("demo", plan.slug, "first payment")),
        "method": "cash",
        "amount": str((goods.price or 0) * QUANTITY),
        "tendered": str(TENDERED),
    }
    return {
        "id": str(stable_id("demo", plan.slug, "first sale")),
        "register": str(register.pk),
        "lines": [{"barcode": barcode, "quantity": str(QUANTITY)}],
        "payments": [payment],
    }
