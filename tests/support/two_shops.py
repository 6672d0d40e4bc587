"""Two shops with clients of every role and existing ids, for generated requests."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from accounts.models import AuthSession, User
from orders.models import Shift, StockLevel, StockMovement
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, AuthSessionFactory
from tests.factories.orders import StoreCreditFactory
from tests.factories.tenants import IdempotencyKeyFactory
from tests.support.api import Api, Person
from tests.support.terminals import PairedTerminal
from tests.support.till import card, cash, line
from tests.support.valid_posts import TIMES_OUT, ShopSetup

Ids = dict[str, list[Any]]


@dataclass
class TwoShops:
    """API clients of one shop by role, and the ids of its rows and of another shop's by kind."""

    clients: dict[str, Api]
    own: Ids
    foreign: Ids


def create_two_shops(
    world: ShopSetup, manager: User, root: User, foreign: SimpleNamespace
) -> TwoShops:
    pin_pad = PairedTerminal(world.till.register, world.till.user)
    return TwoShops(
        clients={
            "admin": world.till,
            "manager": Person(manager),
            "cashier": Person(world.cashier),
            "pin": Person(manager, create_pin_session(manager, pin_pad)),
            "platform": build_platform_client(root, world.till.user),
            "anonymous": Api(X_Terminal_Token=pin_pad.token),
        },
        own=create_own_rows(world, pin_pad),
        foreign=list_foreign_ids(foreign),
    )


def create_pin_session(user: User, pin_pad: PairedTerminal) -> AuthSession:
    """Create a PIN session at this terminal."""
    register = pin_pad.terminal.register
    session: AuthSession = AuthSessionFactory(
        user=user, method="pin", terminal=pin_pad.terminal, register=register, store=register.store
    )
    return session


def build_platform_client(root: User, admin: User) -> Api:
    """Return a client with the admin cookie of the platform user."""
    stolen = Person(admin)
    stolen.client.force_login(root)
    cookie = "; ".join(f"{name}={each.value}" for name, each in stolen.client.cookies.items())
    return Api(Cookie=cookie)


def create_own_rows(world: ShopSetup, pin_pad: PairedTerminal) -> Ids:
    orders = create_orders(world)
    people = [world.till.user.pk, world.cashier.pk]
    shop = world.till.user.tenant
    with tenant_scope(shop):
        sessions = list(AuthSession.objects.values_list("pk", flat=True))
        events = list(AuditEvent.objects.values_list("pk", flat=True)[:5])
        levels = list(StockLevel.objects.values_list("pk", flat=True))
        movements = list(StockMovement.objects.values_list("pk", flat=True)[:3])
        shifts = list(Shift.objects.values_list("pk", flat=True))
    return {
        "orders": [order["id"] for order in orders],
        "line": [each["id"] for order in orders for each in order["lines"]],
        "discount": [each["id"] for order in orders for each in order["discounts"]],
        "payments": [each["id"] for order in orders for each in order["payments"]],
        "refunds": [each["id"] for order in orders for each in order["refunds"]],
        "users": people,
        "products": [world.product.pk],
        "categories": [world.product.category_id],
        "tax-classes": [world.product.tax_class_id],
        "stores": [world.store.pk],
        "registers": [world.till.register.pk],
        "approvals": [ApprovalFactory(requested_by=world.cashier).pk, world.requested_approval()],
        "store-credits": [StoreCreditFactory(tenant=shop).pk],
        "idempotency": [IdempotencyKeyFactory(tenant=shop, user=people[0]).key],
        "sessions": sessions,
        "audit": events,
        "stock": levels,
        "movements": movements,
        "shifts": shifts,
    }


def create_orders(world: ShopSetup) -> list[dict[str, Any]]:
    """Create an order of every status, with all optional parts."""
    till = world.till
    shift = world.shift()
    moved = {"type": "no_sale", "reason": "Change"}
    till.post(f"shifts/{shift}/cash-movements/", moved, Idempotency_Key="setup-1")
    sold = world.order(payments=[cash("2.50", "5.00")])
    refunded = world.order(payments=[cash("2.50")])
    till.post(f"orders/{refunded}/refunds/", {"reason": "Bruised"}, Idempotency_Key="setup-2")
    voided = world.order()
    till.post(f"orders/{voided}/void/", {"reason": "Left"})
    several = till.sold(
        line(world.product, "2", discounts=[{"type": "percent", "value": "10"}]),
        line(world.product),
        discounts=[{"type": "amount", "value": "0.10"}],
        customer={"name": "Ann", "email": "ann@customer.example"},
        payments=[card("1.00")],
    )["id"]
    unknown = world.order(payments=[card(TIMES_OUT)])
    ids = [world.order(), several, world.held(), sold, refunded, voided, unknown]
    return [till.get(f"orders/{id}/").json() for id in ids]


def list_foreign_ids(foreign: SimpleNamespace) -> Ids:
    kinds = {
        "orders": "order",
        "line": "line",
        "payments": "payment",
        "refunds": "refund",
        "users": "cashier",
        "products": "product",
        "categories": "category",
        "tax-classes": "tax_class",
        "stores": "store",
        "registers": "register",
        "store-credits": "store_credit",
        "sessions": "session",
        "stock": "stock_level",
        "shifts": "shift",
    }
    return {kind: [getattr(foreign, name).pk] for kind, name in kinds.items()}
