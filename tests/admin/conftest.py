"""Browsers of the users, one row of each model, and changes by a platform user."""

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
from tests.support.outbox_assertions import ANNOUNCED_MODELS, list_unannounced_rows

# Marker in the names of platform users, which no page of a shop may show.
ROOT = "LEAKMARK_ROOT"


@pytest.fixture(autouse=True)
def check_changes_are_announced(db):
    """Fail if a test leaves rows without an outbox event, except rows of the factories."""
    yield
    assert (
        list_unannounced_rows(
            *(model for model in ANNOUNCED_MODELS if model not in {Order, StockLevel})
        )
        == []
    )


@pytest.fixture
def managers_browser(manager):
    """Return a browser that is logged in as the manager."""
    return open_browser(manager)


@pytest.fixture
def admins_browser(admin):
    """Return a browser that is logged in as the shop's admin."""
    return open_browser(admin)


@pytest.fixture
def other_cashier(shop):
    return UserFactory(tenant=shop, username="c2", display_name="Second")


@pytest.fixture
def shop_rows(shop, admin, manager, cashier, register, product):
    """Create one row of each model and an audit event."""
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
    """Create the same rows in the other shop, with its marker in the audit log too."""
    with tenant_scope(foreign.tenant):
        audit.record("user_created", actor=foreign.admin, target=foreign.cashier, word="LEAKMARK_B")
    places = (foreign.register, foreign.product, "LEAKMARK_B")
    create_admin_data(foreign.manager, foreign.cashier, *places)
    return foreign


@pytest.fixture
def platform_visitor(shop, cashier, store):
    """Return a platform user with changes in the audit log and in Django's admin log."""
    root = PlatformUserFactory(username="zz-root", display_name=ROOT, email=f"{ROOT}@till.example")
    with tenant_scope(shop):
        set_activation(user_id=cashier.pk, active=False, by=root)
        set_activation(user_id=cashier.pk, active=True, by=root)
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
