"""What of another shop nobody here may ever see, each text of it a canary."""

from typing import Any

from accounts.models import User
from tenants.models import Register
from tests.factories.orders import CashMovementFactory, ShiftFactory, StoreCreditFactory


def create_foreign_shift(cashier: User, register: Register, canary: str) -> dict[str, Any]:
    """An open drawer in which cash was moved, and a gift card."""
    shift = ShiftFactory(opened_by=cashier, register=register, note=f"{canary}_NOTE")
    credit = StoreCreditFactory(
        tenant=register.tenant,
        code=f"{canary}_CODE",
        customer_name=f"{canary}_CUSTOMER",
        entry__reason=f"{canary}_REASON",
    )
    return {
        "shift": shift,
        "cash_movement": CashMovementFactory(shift=shift, reason=f"{canary}_REASON"),
        "store_credit": credit,
    }
