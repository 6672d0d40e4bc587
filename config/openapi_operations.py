"""Names, summaries and groups of the operations in the OpenAPI document.

An operation on a collection or on one of its objects gets both from its path, for example
`products.create` and "Create a product". `OPERATIONS` has those of all others.
"""

import re
from typing import Any

PREFIX = "/api/v1/"
# The groups in the order of a day: log in, open, sell, refund, close, keep up, manage.
TAGS = {
    "auth": "Log in with a password or, at a paired terminal, with a PIN; sessions and tokens.",
    "registers": "Registers of the stores: pairing a terminal, and its sequence of sales.",
    "shifts": "The cash drawer of a register, from the opening float to the Z report.",
    "catalog": "All rows that a terminal keeps a copy of, and what has changed since.",
    "products": "What the shop sells: look-up by barcode and text, import and export.",
    "images": "Images of products, which are read without a log-in.",
    "categories": "Groups of products.",
    "modifier-lists": "Choices at the sale of a product, such as sizes and extras.",
    "tax-classes": "Tax rates of products.",
    "price-lists": "Lists of prices that replace those of products, by store and priority.",
    "prices": "Prices in price lists: quantity breaks and periods, now and in the future.",
    "barcode-rules": "How labels of scales contain a weight or a price.",
    "orders": "Sales: calculate, sell, hold, pay, void, print and refund.",
    "payments": "Payments with cards at readers, and payments whose outcome is unknown.",
    "customers": "Customers: search, add and change.",
    "customer-groups": "Groups of customers, such as members.",
    "approvals": "Approvals of a manager for actions above the limits of a user.",
    "receipts": "Find a sale by the code on its receipt.",
    "refunds": "Refunds, including those with an unknown outcome.",
    "store-credits": "Gift cards and credit notes.",
    "sync": "Upload sales that were made without a connection.",
    "changes": "The change feed, with which a client keeps its copy of the data current.",
    "idempotency": "The outcome of a request with an `Idempotency-Key`.",
    "stock": "Stock levels, stock movements, stock counts and stock transfers.",
    "reports": "Reports of sales, and the month for the bookkeeper.",
    "tenant": "Settings of the shop.",
    "stores": "The stores of the shop.",
    "receipt-profiles": "What receipts of a store show: names, tax numbers, texts, logo, language.",
    "bookkeeping-profiles": "The accounts of stores for booking batches.",
    "users": "Staff: roles, stores, passwords, PINs and sessions.",
    "payment-providers": "Accounts at payment providers.",
    "card-readers": "Card readers at registers.",
    "payment-events": "Signed events that payment providers send.",
    "service-keys": "Keys with which other programs use the API.",
    "webhooks": "Events that Till sends to other systems.",
    "audit": "The audit log.",
}
VERBS = {
    "get": ("retrieve", "Retrieve"),
    "post": ("create", "Create"),
    "put": ("replace", "Replace"),
    "patch": ("update", "Change"),
    "delete": ("delete", "Delete"),
}
OPERATIONS: dict[str, tuple[str, str]] = {
    # users
    "POST auth/token/": ("auth.log_in", "Log in with a password"),
    "POST auth/token/refresh/": ("auth.refresh", "Exchange a refresh token for new tokens"),
    "POST auth/token/verify/": ("auth.verify", "Verify an access token"),
    "POST auth/revoke/": ("auth.revoke", "Revoke a token and end its session"),
    "POST auth/logout/": ("auth.log_out", "End this session"),
    "POST auth/logout-all/": ("auth.log_out_everywhere", "End all sessions of the user"),
    "POST auth/signup/": ("auth.sign_up", "Create a shop with its first admin"),
    "POST auth/pair/": ("auth.pair", "Pair this device by a code"),
    "POST auth/pin/": ("auth.log_in_with_pin", "Log in with a PIN at a paired terminal"),
    "GET auth/pin/users/": ("auth.list_pin_users", "List the users who can log in by PIN"),
    "POST auth/reauth/": ("auth.reauthenticate", "Authenticate again with password or PIN"),
    "GET auth/me/": ("auth.me.retrieve", "Retrieve the user's own profile"),
    "PATCH auth/me/": ("auth.me.update", "Change the user's own profile"),
    "PUT auth/password/": ("auth.change_password", "Change the user's own password"),
    "GET auth/metrics/": ("auth.metrics", "Retrieve metrics of users and log-ins"),
    "GET auth/sessions/": ("auth.sessions.list", "List the user's own sessions"),
    "DELETE auth/sessions/{id}/": ("auth.sessions.delete", "End one of the user's sessions"),
    "PUT users/{id}/activation/": ("users.activate", "Activate a user"),
    "DELETE users/{id}/activation/": ("users.deactivate", "Deactivate a user"),
    "PUT users/{id}/pin/": ("users.set_pin", "Set the PIN of a user"),
    "DELETE users/{id}/pin/": ("users.remove_pin", "Remove the PIN of a user"),
    "POST users/{id}/reset-password/": (
        "users.reset_password",
        "Create a temporary password for a user",
    ),
    "PUT users/{id}/role/": ("users.set_role", "Set the role of a user"),
    "GET users/{id}/sessions/": ("users.list_sessions", "List the sessions of a user"),
    "DELETE users/{id}/sessions/": ("users.end_sessions", "End all sessions of a user"),
    # terminals and approvals
    "POST registers/{id}/pair/": ("registers.pair", "Pair a terminal with a register"),
    "POST registers/{id}/pairing-codes/": (
        "registers.make_pairing_code",
        "Make a code that pairs a device",
    ),
    "POST registers/{id}/unpair/": ("registers.unpair", "Unpair the terminal of a register"),
    "GET registers/{id}/gaps/": ("registers.list_gaps", "List missing numbers of a terminal"),
    "POST registers/{id}/device-sequence/": (
        "registers.set_device_sequence",
        "Set the last number of a terminal",
    ),
    "POST approvals/": ("approvals.create", "Request an approval"),
    "POST approvals/{id}/approve/": ("approvals.approve", "Approve a request"),
    "POST approvals/{id}/deny/": ("approvals.deny", "Deny a request"),
    # catalog and stock
    "GET catalog/snapshot/": ("catalog.snapshot", "Load or follow the catalog of a terminal"),
    "POST prices/batch/": ("prices.set_batch", "Set many prices of a list at once"),
    "GET products/{id}/cost/": ("products.retrieve_cost", "Retrieve the cost of a product"),
    "PUT products/{id}/image/": ("products.set_image", "Set the image of a product"),
    "DELETE products/{id}/image/": ("products.remove_image", "Remove the image of a product"),
    "GET images/{code}/": ("images.retrieve", "Retrieve an image of a product"),
    "GET images/{code}/thumbnail/": (
        "images.retrieve_thumbnail",
        "Retrieve the thumbnail of an image",
    ),
    "GET products/export/": ("products.export", "Export the catalog as CSV"),
    "POST products/import/": ("products.import", "Import a catalog file"),
    "GET stock/": ("stock.list", "List stock levels"),
    "GET stock/{id}/": ("stock.retrieve", "Retrieve a stock level"),
    "PATCH stock/{id}/": ("stock.update", "Change the reorder point of a stock level"),
    "GET stock/movements/": ("stock.movements.list", "List stock movements"),
    "POST stock/movements/": ("stock.movements.create", "Record a stock movement"),
    "POST stock/movements/batch/": (
        "stock.movements.create_batch",
        "Record many stock movements at once",
    ),
    "GET stock/movements/{id}/": ("stock.movements.retrieve", "Retrieve a stock movement"),
    "GET stock/counts/": ("stock.counts.list", "List stock counts"),
    "POST stock/counts/": ("stock.counts.create", "Start a stock count"),
    "GET stock/counts/{id}/": ("stock.counts.retrieve", "Retrieve a stock count"),
    "PATCH stock/counts/{id}/": ("stock.counts.update", "Change name or note of a stock count"),
    "POST stock/counts/{id}/lines/": ("stock.counts.count", "Save counted products"),
    "POST stock/counts/{id}/close/": ("stock.counts.close", "Close a stock count"),
    "POST stock/counts/{id}/cancel/": ("stock.counts.cancel", "Cancel a stock count"),
    "GET stock/transfers/": ("stock.transfers.list", "List stock transfers"),
    "POST stock/transfers/": ("stock.transfers.create", "Start a stock transfer"),
    "GET stock/transfers/{id}/": ("stock.transfers.retrieve", "Retrieve a stock transfer"),
    "PATCH stock/transfers/{id}/": (
        "stock.transfers.update",
        "Change the note of a stock transfer",
    ),
    "POST stock/transfers/{id}/lines/": (
        "stock.transfers.set_lines",
        "Set what a stock transfer sends",
    ),
    "POST stock/transfers/{id}/send/": ("stock.transfers.send", "Send a stock transfer"),
    "POST stock/transfers/{id}/check/": (
        "stock.transfers.check",
        "Save what has arrived of a stock transfer",
    ),
    "POST stock/transfers/{id}/receive/": ("stock.transfers.receive", "Receive a stock transfer"),
    "POST stock/transfers/{id}/cancel/": ("stock.transfers.cancel", "Cancel a stock transfer"),
    "GET stock/transfer-lines/": (
        "stock.transfer_lines.list",
        "List the lines of stock transfers",
    ),
    "GET stock/transfer-lines/{id}/": (
        "stock.transfer_lines.retrieve",
        "Retrieve a line of a stock transfer",
    ),
    "GET stock/count-lines/": ("stock.count_lines.list", "List the lines of stock counts"),
    "GET stock/count-lines/{id}/": ("stock.count_lines.retrieve", "Retrieve a counted product"),
    # selling
    "POST orders/calculate/": ("orders.calculate", "Calculate an order without storing it"),
    "POST orders/": ("orders.create", "Create an order, and sell it if it is paid"),
    "PATCH orders/{id}/": ("orders.update", "Change the note or the customer of an order"),
    "POST orders/{id}/lines/": ("orders.lines.create", "Add a line to an order"),
    "PATCH orders/{id}/lines/{line}/": ("orders.lines.update", "Change a line of an order"),
    "DELETE orders/{id}/lines/{line}/": ("orders.lines.delete", "Remove a line of an order"),
    "POST orders/{id}/discounts/": ("orders.discounts.create", "Add a discount to an order"),
    "DELETE orders/{id}/discounts/{discount}/": (
        "orders.discounts.delete",
        "Remove a discount of an order",
    ),
    "POST orders/{id}/hold/": ("orders.hold", "Hold an order"),
    "POST orders/{id}/resume/": ("orders.resume", "Resume a held order"),
    "POST orders/{id}/void/": ("orders.void", "Void an unpaid order"),
    "POST orders/{id}/payments/": ("orders.payments.create", "Pay an order"),
    "POST orders/{id}/refunds/": ("orders.refunds.create", "Refund an order"),
    "GET orders/{id}/receipt/": ("orders.receipt.retrieve", "Print the receipt of an order"),
    "POST refunds/{id}/receipt/email/": (
        "refunds.receipt.email",
        "E-mail the receipt of a refund",
    ),
    "POST orders/{id}/receipt/email/": ("orders.receipt.email", "E-mail the receipt of an order"),
    "POST orders/{id}/receipt/fiscal/": (
        "orders.receipt.write_fiscal",
        "Write fiscal texts on the receipt of an order",
    ),
    "GET receipts/{code}/": ("receipts.retrieve", "Find the sale of a receipt"),
    "POST customers/{id}/erase/": ("customers.erase", "Erase the personal data of a customer"),
    "POST payments/{id}/cancel/": ("payments.cancel", "Cancel a payment"),
    "POST payments/{id}/resolve/": ("payments.resolve", "Look up the outcome of a payment"),
    "GET refunds/{id}/receipt/": ("refunds.receipt.retrieve", "Print the receipt of a refund"),
    "POST refunds/{id}/receipt/fiscal/": (
        "refunds.receipt.write_fiscal",
        "Write fiscal texts on the receipt of a refund",
    ),
    "POST refunds/{id}/cancel/": ("refunds.cancel", "Cancel a refund that waits at a reader"),
    "POST refunds/{id}/resolve/": ("refunds.resolve", "Look up the outcome of a refund"),
    "POST payment-events/{id}/": ("payment_events.receive", "Receive an event of a provider"),
    "POST store-credits/": ("store_credits.create", "Issue a store credit"),
    "POST store-credits/{id}/block/": ("store_credits.block", "Block a store credit"),
    "POST store-credits/{id}/unblock/": ("store_credits.unblock", "Unblock a store credit"),
    "GET store-credits/{id}/entries/": (
        "store_credits.list_entries",
        "List the entries of a store credit",
    ),
    "POST sync/orders/": ("sync.upload_orders", "Upload offline sales"),
    # shifts and reports
    "POST shifts/": ("shifts.open", "Open a shift at a register"),
    "GET shifts/current/": ("shifts.retrieve_current", "Retrieve the open shift of a register"),
    "POST shifts/{id}/cash-movements/": ("shifts.move_cash", "Record a cash movement"),
    "GET shifts/{id}/cash-movements/{movement}/": (
        "shifts.print_slip",
        "Print the slip of a cash movement",
    ),
    "POST shifts/{id}/end/": ("shifts.end", "End the sales of a shift"),
    "POST shifts/{id}/close/": ("shifts.close", "Count the drawer and close a shift"),
    "GET shifts/{id}/x-report/": ("shifts.x_report", "Retrieve the X report of a shift"),
    "GET shifts/{id}/z-report/": ("shifts.z_report", "Print the Z report of a closed shift"),
    "GET reports/sales/": ("reports.sales", "Report sales and refunds"),
    "GET reports/low-stock/": ("reports.low_stock", "Report low stock"),
    "GET reports/dead-stock/": ("reports.dead_stock", "Report stock that did not sell"),
    "GET reports/margins/": ("reports.margins", "Report margins by product"),
    "GET reports/waste/": ("reports.waste", "Report waste by reason or product"),
    "GET reports/bookkeeping/": ("reports.bookkeeping", "Report a month for the bookkeeper"),
    # the shop and its integrations
    "GET receipt-profiles/{id}/logo/": (
        "receipt_profiles.retrieve_logo",
        "Retrieve the logo of a receipt profile",
    ),
    "GET tenant/": ("tenant.retrieve", "Retrieve the settings of the shop"),
    "PATCH tenant/": ("tenant.update", "Change the settings of the shop"),
    "GET changes/": ("changes.list", "List changes"),
    "GET idempotency/{key}/": ("idempotency.retrieve", "Look up the requests with a key"),
    "GET audit/": ("audit.list", "List audit events"),
    "GET audit/{id}/": ("audit.retrieve", "Retrieve an audit event"),
    "GET webhooks/{id}/deliveries/": (
        "webhooks.list_deliveries",
        "List the deliveries of a webhook",
    ),
    "POST webhooks/{id}/deliveries/{delivery}/redeliver/": (
        "webhooks.redeliver",
        "Deliver an event again",
    ),
    "POST webhooks/{id}/rotate/": ("webhooks.rotate_secret", "Rotate the secret of a webhook"),
    "POST webhooks/{id}/test/": ("webhooks.test", "Send a test event to a webhook"),
}
COLLECTION = re.compile(r"(?P<name>[a-z-]+)/(?P<one>\{id\}/)?")


def describe_operation(path: str, method: str, operation: dict[str, Any]) -> None:
    """Set the operation id and the summary."""
    key = f"{method.upper()} {path.removeprefix(PREFIX)}"
    operation["operationId"], summary = OPERATIONS.get(key) or derive_names(key)
    if summary:
        operation["summary"] = summary


def derive_names(key: str) -> tuple[str, str]:
    """Return operation id and summary; the summary is empty unless it is a plain collection."""
    method, _, path = key.partition(" ")
    verb, sentence = VERBS[method.lower()]
    found = COLLECTION.fullmatch(path)
    if found is None:
        return ".".join([*re.findall(r"(?<![{a-z-])[a-z-]+(?=/)", path), verb]).replace(
            "-", "_"
        ), ""
    name, words = found["name"].replace("-", "_"), found["name"].replace("-", " ")
    if found["one"] is None and method == "GET":
        return f"{name}.list", f"List {words}"
    return f"{name}.{verb}", f"{sentence} {add_article(make_singular(words))}"


def make_singular(words: str) -> str:
    """Return the singular of an English plural such as `tax classes` or `categories`."""
    if words.endswith("ies"):
        return f"{words[:-3]}y"
    return words[:-2] if words.endswith(("sses", "xes")) else words.removesuffix("s")


def add_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeio' else 'a'} {words}"
