"""Browsers of the cast, one row of everything, and somebody of the platform who touched it."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from accounts.models import Cashier, User
from accounts.services.users import set_activation
from orders.models import Order, StockLevel
from tenants import audit
from tenants.models import Store
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory, PlatformUserFactory, UserFactory
from tests.factories.orders import (
    BarcodeFactory,
    CashMovementFactory,
    OrderLineFactory,
    PaymentFactory,
    ShiftFactory,
    StoreCreditFactory,
)
from tests.support.admin_browser import open_browser
from tests.support.admin_data import create_admin_data
from tests.support.outbox_assertions import WHOLES, list_unannounced_rows

# Names of the platform's people, which no shop gets to see; like those of the other shop.
ROOT = "CANARY_ROOT"


@pytest.fixture(autouse=True)
def every_change_is_announced(db):
    """What the factories make of orders and shelves was announced by nobody."""
    yield
    assert (
        list_unannounced_rows(*(model for model in WHOLES if model not in {Order, StockLevel}))
        == []
    )


@pytest.fixture
def managers_browser(manager):
    """The manager's browser."""
    return open_browser(manager)


@pytest.fixture
def admins_browser(admin):
    """The browser of the shop's admin."""
    return open_browser(admin)


@pytest.fixture
def other_cashier(shop):
    return UserFactory(tenant=shop, username="c2", display_name="Second")


@pytest.fixture
def shop_rows(shop, admin, manager, cashier, register, product):
    """One row of everything, and something that happened."""
    shift = ShiftFactory(register=register, opened_by=cashier)
    CashMovementFactory(shift=shift)
    StoreCreditFactory(tenant=shop)
    create_admin_data(manager, cashier, register, product, "Broken")
    line = OrderLineFactory(order__register=register, order__cashier=cashier, product=product)
    PaymentFactory(order=line.order)
    BarcodeFactory(product=product)
    AuthSessionFactory(user=cashier, user_agent="Till")
    with tenant_scope(shop):
        audit.record("user_created", actor=admin, target=cashier)
    return shop


@pytest.fixture
def foreign_rows(foreign):
    """The other shop, with a canary in its books too."""
    with tenant_scope(foreign.tenant):
        audit.record("user_created", actor=foreign.admin, target=foreign.cashier, word="CANARY_B")
    places = (foreign.register, foreign.product, "CANARY_B")
    create_admin_data(foreign.manager, foreign.cashier, *places)
    return foreign


@pytest.fixture
def platform_visitor(shop, cashier, store):
    """Somebody of the platform who helped this shop, and left traces in both kinds of books."""
    root = PlatformUserFactory(username="zz-root", display_name=ROOT, email=f"{ROOT}@till.example")
    with tenant_scope(shop):
        set_activation(user=cashier, active=False, by=root)
        set_activation(user=cashier, active=True, by=root)
    for model, row in [(User, cashier), (Cashier, cashier), (Store, store)]:
        LogEntry.objects.create(
            user=root,
            content_type=ContentType.objects.get_for_model(model, for_concrete_model=False),
            object_id=str(row.pk),
            object_repr=f"{ROOT}_SAW_IT",
            action_flag=CHANGE,
        )
    cashier.refresh_from_db()
    return root
