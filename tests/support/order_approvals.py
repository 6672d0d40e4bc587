"""Orders that take leave, and what becomes of it."""

from accounts.models import User
from orders.models import Order, Product
from tenants.models import Register, Tenant
from tenants.scope import tenant_scope
from tests.support.approvals import at_till, kept
from tests.support.till import Body, Till, cash, line, percent


def half_off(till: Till, product: Product) -> Body:
    """Two for 10.00 each: a cashier may give a tenth of that alone, and gives a half."""
    return till.order(line(product, "2", discounts=[percent("50")]), payments=[cash("10.00")])


def bound(user: User, register: Register) -> Till:
    """Somebody logged in at this register, paired as it is."""
    return Till(user, register, at_till(user, register).session)


def state(approval: str) -> str:
    found: str = kept({"id": approval})["status"]
    return found


def no_orders(shop: Tenant) -> bool:
    with tenant_scope(shop):
        return not Order.objects.exists()
