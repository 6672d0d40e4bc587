"""Check that every shown amount has exactly the decimals of the shop's currency.

All responses to test clients (JSON and CSV) and the data of all audit and outbox events are
checked.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from django.test import Client

from tenants.currencies import get_currency_exponent
from tenants.models import AuditEvent, OutboxEvent, Tenant
from tenants.scope import scope_or_none
from tests.support.compression import unpack

NUMBER = re.compile(r"-?\d+(?:\.(\d+))?")
# In a sentence, and not part of an address, a version or a time.
IN_WORDS = re.compile(r"(?<![\w.:-])-?\d+\.(\d+)(?![\w.:%-])(?! %)")
# Names of amounts, also without a decimal point.
MONEY = frozenset(
    """
    adjustment amount balance canceled cash_due cash_rounding cash_rounding_increment cash_total
    change change_total declined difference discount_total deposit_return_amount
    deposit_return_total drawer_difference_amount drop_amount
    drops due gross left list_price net net_tax_total net_total opening_float over_short paid
    paid_ahead paid_before paid_in paid_out paid_out_amount paid_total payable price
    refund_amount refunded refunded_tax_total refunded_taxable refunded_total subtotal
    suggested_float tax_total taxable tendered total unit_price
    """.split()
)
# Names of other numbers: quantities, percentages, and the exact figures of a pricing
# trace.
NOT_MONEY = frozenset(
    """
    base exact level low_stock_level on_hand available percent quantity refunded_quantity
    counted_quantity sent_quantity received_quantity quantity_difference missing in_transit
    reorder_point reserved
    short stock value version wanted ip user_agent line_discount_percent order_discount_percent
    price_override_percent margin_percent number reference code sku barcode barcodes name note
    reason words label device description example examples pattern expected_quantity
    """.split()
)


class Decimals:
    """The amounts with wrong decimals, with their places."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def begin(self) -> None:
        self.found.clear()

    def note(self, where: str, text: object) -> None:
        self.found.append(f"{where}: {text}")

    def read_answer(self, path: str, response: Any) -> None:
        shop = find_shop(response)
        if shop is None or response.streaming:
            return
        kind, _, encoding = response.headers.get("Content-Type", "").partition(";")
        if kind.endswith("json") and not path.startswith("/api/schema"):
            body = json.loads(unpack(response) or b"null")
            # A response after a change of currency names the new one.
            named = body.get("currency") if isinstance(body, dict) else ""
            self.read(body, str(named or shop.currency), f"the answer of {path}")
        # Files for DATEV have no header that names columns, and the decimal comma.
        elif kind == "text/csv" and "windows" not in encoding:
            self.read_sheet(response.content.decode("utf-8-sig"), shop.currency, path)

    def read_sheet(self, text: str, currency: str, path: str) -> None:
        for row in csv.DictReader(io.StringIO(text)):
            self.read(row, currency, f"the file of {path}")

    def read(self, thing: Any, currency: str, where: str, name: str = "") -> None:
        if isinstance(thing, dict):
            for key, value in thing.items():
                self.read(value, currency, f"{where}, {key}", inner(name, key))
        elif isinstance(thing, list):
            for value in thing:
                self.read(value, currency, where, name)
        elif isinstance(thing, str | Decimal):
            self.read_text(str(thing), get_currency_exponent(currency), where, name)

    def read_text(self, text: str, decimals: int, where: str, name: str) -> None:
        number = NUMBER.fullmatch(text)
        if number and (name in MONEY or (number[1] and name not in NOT_MONEY)):
            if len(number[1] or "") != decimals:
                self.note(where, text)
        elif name == "detail":
            wrong = [each[0] for each in IN_WORDS.finditer(text) if len(each[1]) != decimals]
            if wrong:
                self.note(where, text)


def inner(outer: str, key: str) -> str:
    """Return the name of a value; changes have the name of the field."""
    is_part = key in {"from", "to"} or outer == "over_short"
    return outer if outer and is_part else key


def find_shop(response: Any) -> Tenant | None:
    """Return the shop of the user of the request, without a query."""
    user = getattr(getattr(response, "wsgi_request", None), "user", None)
    state = getattr(user, "_state", None)
    return state.fields_cache.get("tenant") if state else None


decimals = Decimals()


def wrap_init(made: Callable[..., None], facts: str, name: str) -> Callable[..., None]:
    """Wrap the constructor of a model to check the data of new rows.

    Loaded rows are constructed without keyword arguments.
    """

    def make(self: Any, *args: Any, **fields: Any) -> None:
        made(self, *args, **fields)
        shop = scope_or_none()
        if isinstance(shop, Tenant) and facts in fields:
            decimals.read(fields[facts], shop.currency, f"the event {fields[name]}")

    return make


@contextmanager
def watch_decimals(patch: Any) -> Iterator[None]:
    """Check all responses and events from here on."""
    request = Client.request

    def read_request(self: Client, **environ: Any) -> Any:
        response = request(self, **environ)
        decimals.read_answer(environ.get("PATH_INFO", ""), response)
        return response

    with patch.context() as patched:
        patched.setattr(Client, "request", read_request)
        for model, facts, name in ((AuditEvent, "facts", "event"), (OutboxEvent, "data", "topic")):
            patched.setattr(model, "__init__", wrap_init(model.__init__, facts, name))
        yield
