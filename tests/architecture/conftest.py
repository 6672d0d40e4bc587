"""One row of each kind and one client of each role for the permission tables."""

import pytest

from orders.models import StockLevel, StockMovement
from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, AuthSessionFactory, UserFactory
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.bookkeeping_profile import BookkeepingProfileFactory
from tests.factories.card_readers import CardReaderFactory, PaymentProviderFactory
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.factories.modifier_list import ModifierListFactory
from tests.factories.orders import (
    CashMovementFactory,
    OrderLineFactory,
    PaymentFactory,
    RefundFactory,
    ShiftFactory,
    StoreCreditFactory,
)
from tests.factories.price_list import PriceFactory
from tests.factories.stock_count import StockCountFactory, StockCountLineFactory
from tests.factories.stock_transfer import StockTransferLineFactory
from tests.factories.tenants import OutboxDeliveryFactory, WebhookFactory
from tests.support.api import Api, Person
from tests.support.product_images import create_image
from tests.support.receipt_profiles import create_profile
from tests.support.route_calls import PARTS
from tests.support.service_keys import create_key


@pytest.fixture
def rows(shop, store, register, product, cashier, admin):
    """Create one row of each kind and return the ids by the first word of their route names."""
    with tenant_scope(shop):
        level, movement = StockLevel.objects.get(), StockMovement.objects.get()
        audit.record("store_added", target=store)
        event = AuditEvent.objects.get()
    discount = {"id": str(PARTS["discount"]), "type": "percent", "value": "5", "reason": ""}
    line = OrderLineFactory(
        id=PARTS["line"],
        order__register=register,
        order__cashier__tenant=shop,
        discounts=[{**discount, "amount": "0.25"}],
    )
    shift = ShiftFactory(opened_by=cashier, register=register)
    CashMovementFactory(id=PARTS["movement"], shift=shift)
    webhook = WebhookFactory(tenant=shop)
    OutboxDeliveryFactory(id=PARTS["delivery"], event__tenant=shop, subscriber=webhook.subscriber)
    price = PriceFactory(product=product)
    count = StockCountFactory(tenant=shop, store=store, started_by=admin)
    counted = StockCountLineFactory(tenant=shop, stock_count=count, product=product)
    sent = StockTransferLineFactory(
        tenant=shop, product=product, transfer__to_store=store, transfer__created_by=admin
    )
    return {
        "webhook": webhook.pk,
        "refund": RefundFactory(order=line.order).pk,
        "store-credit": StoreCreditFactory(tenant=shop).pk,
        "shift": shift.pk,
        "user": UserFactory(tenant=shop).pk,
        "session": AuthSessionFactory(user__tenant=shop).pk,
        "store": store.pk,
        "register": register.pk,
        "tax-class": product.tax_class_id,
        "category": product.category_id,
        "bookkeeping-profile": BookkeepingProfileFactory(tenant=shop, store=store).pk,
        "customer-group": CustomerGroupFactory(tenant=shop).pk,
        "customer": CustomerFactory(tenant=shop).pk,
        "modifier-list": ModifierListFactory(tenant=shop).pk,
        "barcode-rule": BarcodeRuleFactory(tenant=shop).pk,
        "payment-provider": PaymentProviderFactory(tenant=shop).pk,
        "service-key": create_key(shop, admin).pk,
        "payment-events": PaymentProviderFactory(tenant=shop, stripe=True).pk,
        "card-reader": CardReaderFactory(register=register).pk,
        "receipt-profile": create_profile(store, admin).pk,
        "price-list": price.price_list_id,
        "price": price.pk,
        "product": product.pk,
        "image": create_image(product, admin),
        "stock-level": level.pk,
        "movement": movement.pk,
        "stock-count": counted.stock_count_id,
        "stock-count-line": counted.pk,
        "stock-transfer": sent.transfer_id,
        "stock-transfer-line": sent.pk,
        "order": line.order_id,
        "payment": PaymentFactory(order=line.order).pk,
        "approval": ApprovalFactory(requested_by=cashier).pk,
        "audit": event.pk,
    }


@pytest.fixture
def people(admin, manager, cashier):
    return {
        "anonymous": Api(),
        "cashier": Person(cashier),
        "manager": Person(manager),
        "admin": Person(admin),
    }
