"""Orders that need an approval."""

from typing import Any

from accounts.models import User
from orders.models import Order, Product
from tenants.models import Register, Tenant
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.approvals import (
    grant_approval,
    log_in_at_register,
    request_approval,
    snapshot_approval,
)
from tests.support.till import Body, Till, cash, line, percent


def build_half_off_order(till: Till, product: Product) -> Body:
    """Build an order with a 50 % discount, above the cashier's limit of 10 %."""
    return till.order(line(product, "2", discounts=[percent("50")]), payments=[cash("10.00")])


def log_in_at_paired_register(user: User, register: Register) -> Till:
    """Return a till of the user, logged in at this paired register."""
    return Till(user, register, log_in_at_register(user, register).session)


def get_approval_state(approval: str) -> str:
    found: str = snapshot_approval({"id": approval})["status"]
    return found


def assert_no_orders(shop: Tenant) -> bool:
    with tenant_scope(shop):
        return not Order.objects.exists()


def approve(answer: dict[str, Any], asker: Till, giver: Person) -> str:
    """Request and grant exactly the approval that a refusal names; return its id."""
    request = {name: answer.get(name) for name in ("object", "amount", "method")}
    approval: str = grant_approval(giver, request_approval(asker, answer["action"], **request))[
        "id"
    ]
    return approval
