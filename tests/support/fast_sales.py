"""Shops, orders, payments and approvals for sales that are made before Django."""

from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from accounts.models import Approval, Role
from accounts.security.tokens import issue_access
from accounts.services.approvals import APPROVED_LIFETIME
from orders.models import RegisterSeries
from tenants.models import Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.accounts import (
    ApprovalFactory,
    AuthSessionFactory,
    TerminalFactory,
    UserFactory,
)
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.orders import (
    BarcodeFactory,
    ProductFactory,
    ShiftFactory,
    StockLevelFactory,
    StoreCreditFactory,
    TaxClassFactory,
)
from tests.factories.tenants import RegisterFactory, StoreFactory, TenantFactory
from tests.support.modifiers import attach_modifiers, modified
from tests.support.receipt_profiles import create_profile
from tests.support.till import amount, line, percent, set_product
from tests.support.twin_shops import Shop, TwinShops

RATES = [
    [{"name": "VAT", "percent": "19", "included": True, "compound": False}],
    [{"name": "VAT", "percent": "7.5", "included": True, "compound": False}],
    [
        {"name": "State", "percent": "5", "included": False, "compound": False},
        {"name": "City", "percent": "9.975", "included": False, "compound": True},
    ],
    [],
]
PRODUCTS = [
    {"sku": "PLAIN", "name": "Apple", "price": Decimal("2.50")},
    {"sku": "NAMES", "name": "Crème brûlée — “日本” \u2028 \u0001", "price": Decimal("0.99")},
    {"sku": "WEIGHT", "name": "Cheese", "price": Decimal("13.90"), "sold_by": "weight", "plu": "7"},
    {"sku": "OPEN", "name": "Repair", "price": Decimal(0), "open_price": True},
    {"sku": "UNTRACKED", "name": "Bag", "price": Decimal("0.10"), "track_stock": False},
    {"sku": "SCARCE", "name": "Pear", "price": Decimal("1.20")},
    {"sku": "OFF", "name": "Old", "price": Decimal("1.00"), "is_active": False},
    {"sku": "BOTTLE", "name": "Water", "price": Decimal("0.89")},
    {"sku": "BEER", "name": "Beer", "price": Decimal("1.15")},
    {"sku": "UNTAXED", "name": "Deposit", "price": Decimal("0.25"), "track_stock": False},
    {"sku": "TAXED", "name": "Crate", "price": Decimal("1.50"), "is_active": False},
    {"sku": "EMPTY", "name": "Empty", "price": Decimal("0.25"), "returnable": True},
    {"sku": "SHIRT", "name": "Shirt", "price": Decimal(9), "has_variants": True},
    {"sku": "MEDIUM", "name": "Shirt, M", "price": Decimal(9), "options": [["Size", "M"]]},
    {"sku": "LATTE", "name": "Latte", "price": Decimal("3.50")},
]
# Deposits by the SKU of their product.
DEPOSITS = {"bottle": "untaxed", "beer": "taxed"}
# Parents by the SKU of their variant.
PARENTS = {"MEDIUM": "shirt"}
# Positions of tax classes beyond the first products.
OTHER_CLASSES = {"BOTTLE": 0, "BEER": 1, "TAXED": 2}
numbers = count(1)


def build_products(tenant: Tenant, store: Store) -> dict[str, Any]:
    """Return the products of PRODUCTS by their SKU, with barcodes and stock, and modifiers."""
    classes = [
        TaxClassFactory(tenant=tenant, name=f"Class {position}", rates=rates)
        for position, rates in enumerate(RATES)
    ]
    BarcodeRuleFactory(tenant=tenant, pattern="21IIIIIVVVVVC", kind="price")
    products: dict[str, Any] = {}
    for position, given in enumerate(PRODUCTS):
        at = OTHER_CLASSES.get(str(given["sku"]), position)
        product = ProductFactory(
            tenant=tenant,
            category=None,
            tax_class=classes[at] if at < len(classes) else None,
            parent=products.get(PARENTS.get(str(given["sku"]), "")),
            **given,
        )
        products[product.sku.lower()] = product
        BarcodeFactory(product=product, code=f"40{position:011d}")
        if product.sku == "PLAIN":
            BarcodeFactory(product=product, code="4006381333931")
        if product.track_stock:
            scarce = {"quantity": Decimal(3), "reorder_point": Decimal(1)}
            more = scarce if product.sku == "SCARCE" else {"quantity": Decimal(100)}
            StockLevelFactory(product=product, store=store, **more)
    for sku, deposit in DEPOSITS.items():
        set_product(tenant, products[sku], deposit=products[deposit])
    products["modifiers"] = attach_modifiers(tenant, products["latte"], takes=products["plain"])
    return products


def build_shop(
    *,
    role: str = Role.CASHIER,
    with_shift: bool = False,
    with_profile: bool = False,
    paired: bool = False,
    **rules: Any,
) -> Shop:
    rules = {"currency": "EUR", "has_orders": True, "name": "Green"} | rules
    tenant = TenantFactory(slug=f"twin-{next(numbers)}", **rules)
    store = StoreFactory(tenant=tenant, name="Main")
    register = RegisterFactory(tenant=tenant, store=store, name="Left", number=3)
    user = UserFactory(
        tenant=tenant, username="ann", display_name="Ann", email="ann@till.example", role=role
    )
    manager = UserFactory(
        tenant=tenant, username="bea", display_name="Bea", email="bea@till.example", manager=True
    )
    if with_shift:
        ShiftFactory(opened_by=user, register=register)
    else:
        with tenant_scope(tenant):
            RegisterSeries.objects.create(register=register)
    if with_profile:
        create_profile(store, manager)
    products = build_products(tenant, store)
    terminal = None
    if paired:
        terminal = TerminalFactory(register=register, paired_by=user)
    session = AuthSessionFactory(
        user=user,
        **({"terminal": terminal, "register": register, "store": store} if paired else {}),
        **({"method": "pin", "current_jti": None} if paired else {}),
    )
    return Shop(
        tenant,
        issue_access(session),
        store=store,
        register=register,
        user=user,
        manager=manager,
        session=session,
        terminal=terminal,
        **products,
    )


ids = (f"018f0000-0000-7000-8000-{number:012d}" for number in count(1))


def order(shop: Shop, *lines: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": next(ids),
        "register": str(shop.register.pk),
        "lines": list(lines),
        **more,
    }


def cash(amount: str | None = None, **more: Any) -> dict[str, Any]:
    given = {} if amount is None else {"amount": amount}
    return {"id": next(ids), "method": "cash", **given, **more}


SALES = {
    "a variant": lambda shop: order(shop, line(shop.medium), payments=[cash()]),
    "several lines": lambda shop: order(
        shop,
        line(shop.plain, "2"),
        line(shop.names, 3),
        line(shop.weight, "0.735"),
        line(shop.untracked, "1.00"),
        line(shop.plain),
        payments=[cash()],
    ),
    "change": lambda shop: order(shop, line(shop.plain), payments=[cash("2.50", tendered="10.00")]),
    "several payments": lambda shop: order(
        shop,
        line(shop.plain, "4"),
        payments=[
            cash("2.00"),
            {"id": next(ids), "method": "voucher", "amount": "3.00", "reference": "V 1"},
            {"id": next(ids), "method": "other", "amount": "1.00"},
            {
                "id": next(ids),
                "method": "card",
                "entry": "external",
                "amount": "2.00",
                "reference": "slip 7",
            },
            cash(tendered="5.00"),
        ],
    ),
    "payments without ids": lambda shop: order(
        shop, line(shop.plain), payments=[{"method": "cash", "amount": "2.50"}]
    ),
    "a part is paid": lambda shop: order(shop, line(shop.plain, "2"), payments=[cash("1.00")]),
    "nothing is paid": lambda shop: order(shop, line(shop.plain, "2")),
    "no lines": order,
    "an external ID and metadata": lambda shop: order(
        shop,
        line(shop.plain),
        payments=[cash()],
        external_id=" WEB-1 ",
        metadata={"ü": [1, None, {"a": "b"}]},
    ),
    "discounts": lambda shop: order(
        shop,
        line(shop.plain, "3", discounts=[percent("5", reason="Bruised"), amount("0.10")]),
        line(shop.names, "2"),
        discounts=[percent("3"), amount("0.05", reason="Regular")],
        payments=[cash()],
    ),
    "open price": lambda shop: order(
        shop, line(shop.open, "1", unit_price="40.00"), payments=[cash()]
    ),
    "typed list price": lambda shop: order(
        shop, line(shop.plain, "1", unit_price="2.50"), payments=[cash()]
    ),
    "SKU and barcode": lambda shop: order(
        shop,
        {"sku": "PLAIN", "quantity": "1"},
        {"sku": " NAMES ", "quantity": "1"},
        {"barcode": "4000000000002", "quantity": "0.5"},
        {"barcode": "4000000000000", "quantity": "1"},
        payments=[cash()],
    ),
    "another spelling of a barcode": lambda shop: order(
        shop, {"barcode": "04006381333931", "quantity": "1"}, payments=[cash()]
    ),
    "deposits": lambda shop: order(
        shop,
        line(shop.bottle, "6"),
        {"sku": "BEER", "quantity": "2"},
        {"barcode": "4000000000007", "quantity": "1"},
        line(shop.untaxed),
        discounts=[percent("3")],
        payments=[cash()],
    ),
    "modifiers": lambda shop: order(
        shop,
        modified(
            shop.latte,
            shop.modifiers["Large"],
            shop.modifiers["Oat"],
            (shop.modifiers["Shot"], 2),
            quantity="3",
        ),
        modified(shop.latte, shop.modifiers["Small"], unit_price="3.40"),
        line(shop.plain),
        discounts=[percent("3")],
        payments=[cash()],
    ),
    "modifiers to choose later": lambda shop: order(shop, line(shop.latte)),
    "notes and a customer": lambda shop: order(
        shop,
        line(shop.plain, "1", note="Grün \u2028"[:4], id=next(ids)),
        customer={"name": "Ünal", "email": "ann@Till.Example"},
        note="first line\nsecond",
        payments=[cash()],
    ),
    "a device sequence": lambda shop: order(
        shop, line(shop.plain), payments=[cash()], device_sequence=7
    ),
    "a device sequence far above": lambda shop: order(
        shop, line(shop.plain), payments=[cash()], device_sequence=70_000
    ),
}


def approved(shop: Shop, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the order with an approval of its discounts."""
    given = {
        "requested_by": shop.user,
        "terminal": shop.terminal,
        "action": Approval.Action.DISCOUNT,
        "object": {"order": body["id"]},
        "amount": Decimal("10.00"),
        "status": Approval.Status.APPROVED,
        "decided_by": shop.manager,
        "decided_at": timezone.now(),
        "expires_at": timezone.now() + APPROVED_LIFETIME,
    }
    approval = ApprovalFactory(**(given | changes))
    return {**body, "approval": str(approval.pk)}


def half_off(shop: Shop) -> dict[str, Any]:
    return order(
        shop, line(shop.plain, "2", discounts=[percent("50")]), payments=[{"method": "cash"}]
    )


def add_credits(both: TwinShops, **changes: Any) -> None:
    for shop in (both.fast, both.plain):
        for code, balance in (("GIFT-B", "10.00"), ("GIFT-A", "1.50")):
            StoreCreditFactory(tenant=shop.tenant, code=code, balance=Decimal(balance), **changes)


def credit(amount: str, code: str) -> dict[str, Any]:
    return {"id": next(ids), "method": "store_credit", "amount": amount, "reference": code}
