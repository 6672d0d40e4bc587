"""Rows of another shop whose texts contain a marker that must never be shown."""

from typing import Any

from accounts.models import User
from tenants.models import Register
from tests.factories.orders import CashMovementFactory, ShiftFactory, StoreCreditFactory


def create_foreign_shift(cashier: User, register: Register, marker: str) -> dict[str, Any]:
    """Create an open shift with a cash movement, and a gift card."""
    shift = ShiftFactory(opened_by=cashier, register=register, note=f"{marker}_NOTE")
    credit = StoreCreditFactory(
        tenant=register.tenant,
        code=f"{marker}_CODE",
        customer_name=f"{marker}_CUSTOMER",
        entry__reason=f"{marker}_REASON",
    )
    return {
        "shift": shift,
        "cash_movement": CashMovementFactory(shift=shift, reason=f"{marker}_REASON"),
        "store_credit": credit,
    }
