"""Examples of requests in the OpenAPI document, with goods and users of the demo shop `corner`.

A test sends them all. Only the ids, which every installation gives itself, are replaced there.
"""

from typing import Any


def example_id(number: int) -> str:
    return f"01980000-0000-7000-8000-{number:012}"


ORDER, LINE, DISCOUNT = example_id(1), example_id(2), example_id(3)
PAYMENT, REFUND, SHIFT = example_id(4), example_id(5), example_id(6)
REGISTER, STORE, PRODUCT, USER = example_id(7), example_id(8), example_id(9), example_id(10)
PROVIDER, DELIVERY, OTHER = example_id(11), example_id(12), example_id(13)
PRICE_LIST, OTHER_STORE = example_id(14), example_id(15)
TOKEN = "a-token"  # noqa: S105  (an example)
BARCODE, SKU = "9520010000018", "OB-006"
SALE: dict[str, Any] = {
    "lines": [{"barcode": BARCODE, "quantity": "2"}],
    "payments": [{"method": "cash", "tendered": "5.00"}],
}

# The bodies by operation id.
BODIES: dict[str, Any] = {
    # users
    "auth.log_in": {"tenant": "corner", "username": "lena", "password": "demo-till-password"},
    "auth.refresh": {"refresh": TOKEN},
    "auth.verify": {"token": TOKEN},
    "auth.revoke": {"token": TOKEN},
    "auth.sign_up": {
        "tenant": {"slug": "red", "name": "Red Bakery", "currency": "EUR"},
        "admin": {
            "username": "ada",
            "email": "ada@red.example",
            "password": "nine purple herons fly",
        },
    },
    "auth.pair": {
        "pairing_code": "BCDF-GHJK",
        "device": {"name": "Tablet at the entrance", "app_version": "1.4.2"},
    },
    "auth.log_in_with_pin": {"user": USER, "pin": "482916"},
    "auth.reauthenticate": {"password": "demo-admin-password"},
    "auth.me.update": {"display_name": "Jana Vogt"},
    "auth.change_password": {
        "current_password": "demo-admin-password",
        "new_password": "eleven blue bottles in a row",
    },
    "users.create": {"username": "mia", "role": "cashier", "display_name": "Mia Wolf"},
    "users.update": {"stores": [STORE]},
    "users.set_pin": {"pin": "802417"},
    "users.set_role": {"role": "manager"},
    # terminals and approvals
    "registers.create": {"name": "Till 3", "store": STORE},
    "registers.update": {"name": "Till at the window"},
    "registers.pair": {"name": "Tablet at the entrance", "app_version": "1.4.2"},
    "registers.set_device_sequence": {"last_device_sequence": 5},
    "approvals.create": {"action": "discount", "object": {"order": ORDER}, "amount": "0.50"},
    "approvals.approve": {},
    "approvals.deny": {},
    # catalog and stock
    "customer_groups.create": {"name": "Members"},
    "customer_groups.update": {"name": "Club members"},
    "customers.create": {
        "name": "Ann Miller",
        "email": "ann@till.example",
        "phone": "+49 30 1234567",
    },
    "customers.erase": {"name": "Ann Miller"},
    "customers.update": {"tax_number": "DE123456789"},
    "modifier_lists.create": {
        "name": "Size",
        "min": 1,
        "max": 1,
        "modifiers": [{"name": "Small"}, {"name": "Large", "price": "0.50"}],
    },
    "modifier_lists.update": {"max": 2},
    "bookkeeping_profiles.create": {
        "store": STORE,
        "consultant_number": 29098,
        "client_number": 55003,
        "chart": "03",
        "revenue_accounts": [
            {"percent": "19", "account": "8400"},
            {"percent": "7", "account": "8300"},
        ],
        "cash_account": "1000",
        "card_account": "1361",
        "clearing_account": "1590",
    },
    "bookkeeping_profiles.update": {"over_short_account": "2300"},
    "categories.create": {"name": "Fruit"},
    "categories.update": {"name": "Fruit and vegetables"},
    "tax_classes.create": {
        "name": "Books",
        "rates": [{"name": "VAT", "percent": "7", "included": True}],
    },
    "tax_classes.update": {"name": "Reduced rate"},
    "barcode_rules.create": {"pattern": "22IIIIIVVVVVC", "kind": "price"},
    "barcode_rules.update": {"is_active": False},
    "price_lists.create": {"name": "Happy hour", "stores": [STORE], "priority": 20},
    "price_lists.update": {"priority": 30},
    "prices.create": {
        "price_list": PRICE_LIST,
        "product": PRODUCT,
        "amount": "1.80",
        "min_quantity": "6",
        "valid_from": "2026-12-01T00:00:00",
    },
    "prices.update": {"valid_to": "2027-01-01T00:00:00"},
    "prices.set_batch": {
        "price_list": PRICE_LIST,
        "prices": [{"product": PRODUCT, "amount": "1.95", "valid_from": "2027-01-01T00:00:00"}],
    },
    "products.create": {
        "sku": "PEAR",
        "name": "Pear",
        "price": "1.00",
        "barcodes": ["4006381333931"],
    },
    "products.update": {"price": "0.85"},
    "products.import": {"file": "sku,name,price\nPEAR,Pear,1.00\n"},
    "products.set_image": {"file": "the content of photo.jpg"},
    "stock.update": {"reorder_point": "3"},
    "stock.movements.create": {
        "id": OTHER,
        "type": "receive",
        "product": PRODUCT,
        "store": STORE,
        "quantity": "5",
    },
    "stock.movements.create_batch": {
        "movements": [
            {
                "id": OTHER,
                "type": "receive",
                "product": PRODUCT,
                "store": STORE,
                "quantity": "5",
            }
        ]
    },
    "stock.counts.create": {"name": "Shelf 3", "store": STORE},
    "stock.counts.update": {"note": "Counted before opening"},
    "stock.counts.count": {
        "lines": [
            {"product": PRODUCT, "quantity": "10"},
        ]
    },
    "stock.counts.close": {"uncounted": "keep"},
    "stock.transfers.create": {"from_store": STORE, "to_store": OTHER_STORE},
    "stock.transfers.update": {"note": "With the van on Friday"},
    "stock.transfers.set_lines": {"lines": [{"product": PRODUCT, "quantity": "6"}]},
    "stock.transfers.check": {
        "lines": [{"product": PRODUCT, "quantity": "5", "loss_reason": "damaged"}]
    },
    "stock.transfers.receive": {"unchecked": "as_sent"},
    # selling
    "orders.calculate": {
        "lines": [{"sku": SKU, "quantity": "2", "discounts": [{"type": "percent", "value": "10"}]}]
    },
    "orders.create": {"id": ORDER, "register": REGISTER, **SALE},
    "orders.update": {"note": "For Ann"},
    "orders.lines.create": {"sku": SKU, "quantity": "1"},
    "orders.lines.update": {"quantity": "3"},
    "orders.discounts.create": {
        "id": DISCOUNT,
        "type": "percent",
        "value": "5",
        "reason": "Bruised",
    },
    "orders.resume": {"register": REGISTER},
    "orders.void": {"reason": "The customer left"},
    "orders.payments.create": {"id": PAYMENT, "method": "cash", "tendered": "5.00"},
    "orders.refunds.create": {"id": REFUND, "reason": "Bruised", "register": REGISTER},
    "orders.receipt.write_fiscal": {"lines": ["TSE transaction 17"], "qr": "V0;ERS-1"},
    "refunds.receipt.write_fiscal": {"lines": ["TSE transaction 18"], "qr": "V0;ERS-1"},
    "orders.receipt.email": {"email": "ann@customer.example"},
    "refunds.receipt.email": {"email": "ann@customer.example"},
    "payments.cancel": {},
    "refunds.resolve": {},
    "store_credits.create": {"id": OTHER, "amount": "10.00", "customer_name": "Ann"},
    "store_credits.block": {"reason": "The card was lost"},
    "store_credits.unblock": {"reason": "The card was found"},
    "sync.upload_orders": {
        "register": REGISTER,
        "batch": [
            {
                "id": ORDER,
                "device_sequence": 1,
                "sold_at": "2026-01-05T09:30:00Z",
                "lines": [{"product": PRODUCT, "quantity": "1", "unit_price": "0.79"}],
                "payments": [{"method": "cash", "amount": "0.79"}],
            }
        ],
    },
    # shifts
    "shifts.open": {"id": SHIFT, "register": REGISTER, "opening_float": "100.00"},
    "shifts.move_cash": {"id": OTHER, "type": "paid_in", "amount": "5.00", "reason": "Coins"},
    "shifts.close": {"counted": [{"method": "cash", "amount": "100.00"}]},
    # the shop and its integrations
    "tenant.update": {"name": "Corner Shop"},
    "stores.create": {"name": "Second store", "address": "Maybachufer 2\n12047 Berlin"},
    "stores.update": {"name": "First store"},
    "receipt_profiles.create": {"store": STORE, "legal_name": "Sunny Goods Ltd"},
    "payment_providers.create": {"name": "Simulator", "kind": "simulator"},
    "payment_providers.update": {"name": "Simulated cards"},
    "payment_events.receive": {
        "id": "evt_1PqZ8v2eZvKYlo2C",
        "type": "terminal.reader.action_succeeded",
    },
    "card_readers.create": {"name": "Reader 1", "register": REGISTER, "provider": PROVIDER},
    "card_readers.update": {"name": "Reader at the window"},
    "service_keys.create": {"name": "Web shop", "scopes": ["catalog:read", "orders:write"]},
    "webhooks.create": {"url": "https://books.example/till", "events": ["order.completed"]},
    "webhooks.update": {"description": "Bookkeeping"},
}
FORM = "application/x-www-form-urlencoded"
FORM_LOG_IN = {
    "grant_type": "password",
    "username": "corner/lena",
    "password": "demo-till-password",
}
# The values of parameters of the path by name, and of `id` by the first word of the path.
PATH_VALUES = {
    "line": LINE,
    "discount": DISCOUNT,
    "delivery": DELIVERY,
    "key": "a-key-of-mine",
    "movement": OTHER,
    "code": ORDER,
}
IDS = {
    "orders": ORDER,
    "payments": PAYMENT,
    "refunds": REFUND,
    "shifts": SHIFT,
    "registers": REGISTER,
    "stores": STORE,
    "products": PRODUCT,
    "users": USER,
    "payment-providers": PROVIDER,
}
# The values of required parameters, and of those without which an answer says little.
QUERY_VALUES: dict[str, dict[str, Any]] = {
    "products.list": {"barcode": BARCODE},
    "shifts.retrieve_current": {"register": REGISTER},
    "changes.list": {"after": 0},
    "reports.sales": {"group_by": "day"},
    "reports.bookkeeping": {"store": STORE, "month": "2026-11"},
}


def add_examples(operation: dict[str, Any]) -> None:
    """Add the body and the values of parameters. Operations without both need no example."""
    name = operation["operationId"]
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        body = FORM_LOG_IN if media_type == FORM else BODIES.get(name)
        if body is not None:
            content["example"] = body
    values = {"id": IDS.get(operation.get("tags", [""])[0], OTHER), **PATH_VALUES}
    queries = QUERY_VALUES.get(name, {})
    for parameter in operation.get("parameters", ()):
        known = values if parameter.get("in") == "path" else queries
        if parameter.get("name") in known:
            parameter["example"] = known[parameter["name"]]
