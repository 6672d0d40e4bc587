"""Sales, refunds and other rows for tests of admin pages."""

import uuid
from decimal import Decimal
from typing import Any

from accounts.models import Posting, User
from orders.models import Order, Product, Refund
from orders.services.payments.tender import NewPayment
from orders.services.pricing.basket import LineRequest
from orders.services.refunds.lines import RefundLineRequest
from orders.services.refunds.request import NewRefund, refund_order
from orders.services.sales.checkout import create_order
from orders.services.sales.draft import NewOrder
from tenants.models import Register
from tenants.scope import tenant_scope
from tests.factories.accounts import ApprovalFactory, TerminalFactory
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.bookkeeping_profile import BookkeepingProfileFactory
from tests.factories.card_readers import CardReaderFactory
from tests.factories.customers import CustomerFactory, CustomerGroupFactory
from tests.factories.modifier_list import ModifierFactory
from tests.factories.price_list import PriceFactory
from tests.factories.stock_count import StockCountFactory, StockCountLineFactory
from tests.factories.stock_transfer import StockTransferLineFactory
from tests.support.receipt_profiles import create_profile
from tests.support.service_keys import create_key

ORDERS = "/admin/orders/order/"
PAYMENTS = "/admin/orders/payment/"
REFUNDS = "/admin/orders/refund/"
RECEIPTS = "/admin/orders/receipt/"
SHIFTS = "/admin/orders/shift/"
CREDITS = "/admin/orders/storecredit/"
LEVELS = "/admin/orders/stocklevel/"
MOVEMENTS = "/admin/orders/stockmovement/"


def create_sale(by: User, register: Register, product: Product, quantity: str = "2") -> Order:
    """Create a sale with exact cash."""
    new = NewOrder(
        id=uuid.uuid4(),
        register=register.pk,
        fingerprint=uuid.uuid4().hex * 2,
        lines=(LineRequest(quantity=Decimal(quantity), product=product.pk),),
        payments=(NewPayment("cash", product.price * Decimal(quantity)),),
    )
    with tenant_scope(register.tenant):
        order, _ = create_order(new, by=by)
        return order


def create_refund(order: Order, by: User, quantity: str = "1", reason: str = "Broken") -> Refund:
    """Refund a quantity of the first line in cash."""
    with tenant_scope(order.tenant):
        line = RefundLineRequest(order.lines.get().pk, Decimal(quantity))
        new = NewRefund(
            id=uuid.uuid4(),
            fingerprint=uuid.uuid4().hex * 2,
            reason=reason,
            lines=(line,),
            register=order.register_id,
        )
        refund, _ = refund_order(order.pk, new, by=by)
        return refund


def create_admin_data(
    manager: User, cashier: User, register: Register, product: Product, word: str
) -> dict[str, Any]:
    """Create a refunded sale and a row of everything else that has an admin page."""
    order = create_sale(cashier, register, product)
    refund = create_refund(order, manager, reason=word)
    ApprovalFactory(requested_by=cashier, reason=word)
    BarcodeRuleFactory(tenant=register.tenant)
    BookkeepingProfileFactory(tenant=register.tenant, store=register.store)
    group = CustomerGroupFactory(tenant=register.tenant, name=word)
    CustomerFactory(tenant=register.tenant, group=group, name=word)
    ModifierFactory(tenant=register.tenant, name=word, modifier_list__name=word)
    CardReaderFactory(register=register, name=word, provider__name=word)
    create_key(register.tenant, manager, name=word)
    PriceFactory(product=product, price_list__name=word)
    count = StockCountFactory(
        tenant=register.tenant, store=register.store, started_by=manager, name=word, note=word
    )
    StockCountLineFactory(tenant=register.tenant, stock_count=count, product=product)
    StockTransferLineFactory(
        tenant=register.tenant,
        product=product,
        transfer__to_store=register.store,
        transfer__created_by=manager,
        transfer__note=word,
    )
    TerminalFactory(register=register, paired_by=manager)
    create_profile(register.store, manager, legal_name=word)
    with tenant_scope(register.tenant):
        Posting(user=cashier, store=register.store).save()
    return {"sale": order, "refund": refund}
