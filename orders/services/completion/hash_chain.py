"""Hash chain over receipts, refunds, reversals and Z reports: each hash covers the previous one."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec

from orders.models import ChainEntry, Order, OrderLine, Payment, Receipt, ReceiptProfile, Refund
from orders.models.receipt import RegisterNumbers
from orders.money.rounding import format_plain
from tenants.database.bulk_insert import Statement, build_row
from tenants.ids import new_id
from tenants.models import Register

# The previous hash of the first entry of a chain.
GENESIS_HASH = ""


def build_chain_entry(
    kind: ChainEntry.Kind,
    subject: Any,
    content: Mapping[str, Any],
    after: RegisterNumbers,
    at: Register,
) -> tuple[ChainEntry, Statement]:
    """Return the next entry of the register's chain, and the statement that moves its end.

    `after` are the register's numbers, locked by this transaction.
    """
    text = to_canonical_json(content)
    entry = build_row(
        ChainEntry,
        id=new_id(),
        register=at,
        sequence=after.entry + 1,
        kind=kind,
        subject=subject,
        content=text,
        previous_hash=after.hash,
        hash=compute_hash(after.hash, text),
    )
    return entry, entry.build_chain_statement()


def to_canonical_json(content: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys and no spaces. Must never change: stored hashes depend on it."""
    return msgspec.json.encode(content, order="sorted").decode()


def compute_hash(previous: str, text: str) -> str:
    return hashlib.sha256((previous + text).encode()).hexdigest()


def build_receipt_content(order: Order, profile_hash: str = "") -> dict[str, Any]:
    """Return the immutable facts of a sale; `profile_hash` is that of its receipt profile."""
    number, sold_at = order.receipt_number_and_time()
    offline = order.offline_facts()
    return {
        **({"offline": offline} if offline else {}),
        **build_profile_content(profile_hash),
        "order": order.pk,
        "number": order.number,
        "receipt_number": number,
        "register": order.register_id,
        "cashier": order.cashier_id,
        "sold_at": sold_at.isoformat(),
        "lines": [_build_line_content(line) for line in order.loaded_lines],
        "taxes": [[tax["name"], tax["percent"], tax["amount"]] for tax in order.taxes],
        "payments": [
            _build_payment_content(each)
            for each in order.loaded_payments
            if each.status == Payment.Status.CAPTURED
        ],
        "discount_total": format_plain(order.discount_total),
        "tax_total": format_plain(order.tax_total),
        "cash_rounding": format_plain(order.cash_rounding),
        "total": format_plain(order.total),
    }


def build_refund_content(refund: Refund, profile_hash: str = "") -> dict[str, Any]:
    """Return the immutable facts of a refund; `profile_hash` is that of its receipt profile."""
    at = refund.completed_at
    return {
        **build_profile_content(profile_hash),
        "refund": str(refund.pk),
        "order": str(refund.order_id),
        "receipt_number": refund.receipt_number,
        "register": str(refund.register_id),
        "by": str(refund.by_id),
        "completed_at": at.isoformat() if at else None,
        "lines": [
            [
                str(each.line_id),
                format_plain(each.quantity),
                format_plain(each.tax_total),
                format_plain(each.total),
            ]
            for each in sorted(refund.loaded_lines, key=attrgetter("pk"))
        ],
        "payouts": [
            [
                str(each.payment_id) if each.payment_id else None,
                each.method,
                format_plain(each.paid),
            ]
            for each in sorted(refund.loaded_payouts, key=attrgetter("pk"))
        ],
        "tax_total": format_plain(refund.tax_total),
        "cash_rounding": format_plain(refund.cash_rounding),
        "total": format_plain(refund.total),
    }


def build_reversal_content(refund: Refund) -> dict[str, Any]:
    """Return the immutable facts of the reversal of a refund that failed after its completion."""
    at = refund.reversed_at
    return {
        "refund": str(refund.pk),
        "order": str(refund.order_id),
        "receipt_number": refund.receipt_number,
        "register": str(refund.register_id),
        "reversed_at": at.isoformat() if at else None,
        "tax_total": format_plain(refund.tax_total),
        "cash_rounding": format_plain(refund.cash_rounding),
        "total": format_plain(refund.total),
    }


def build_fiscal_content(row: Receipt | Refund) -> dict[str, Any]:
    """Return the fiscal texts of a receipt or refund; nothing without them."""
    return {"document": str(row.pk), **row.fiscal} if row.fiscal else {}


def build_profile_content(profile_hash: str) -> dict[str, str]:
    """Return the hash of the receipt profile; nothing for stores without one."""
    return {"receipt_profile": profile_hash} if profile_hash else {}


def compute_profile_hash(profile: ReceiptProfile) -> str:
    """Return the hash of everything that a version of a receipt profile determines.

    Must never change: the hash chain contains it.
    """
    logo = "" if profile.logo is None else hashlib.sha256(bytes(profile.logo)).hexdigest()
    content = {
        "id": str(profile.pk),
        "store": str(profile.store_id),
        "version": profile.version,
        "legal_name": profile.legal_name,
        "address": profile.address,
        "tax_numbers": profile.tax_numbers,
        "header": profile.header,
        "footer": profile.footer,
        "return_policy": profile.return_policy,
        "logo": logo,
        "logo_hash": profile.logo_hash,
        "language": profile.language,
        "paper_mm": profile.paper_mm,
        "code_page": profile.code_page,
        "drawer_pulse": profile.drawer_pulse,
    }
    return compute_hash(GENESIS_HASH, to_canonical_json(content))


def _build_line_content(line: OrderLine) -> list[Any]:
    """Return the line; its modifiers are appended where it has some."""
    amounts = (line.quantity, line.unit_price, line.discount_total, line.tax_total, line.total)
    modifiers = [
        [each["modifier"], each["name"], each["quantity"], format_plain(Decimal(each["price"]))]
        for each in line.chosen_modifiers
    ]
    content = [line.pk, line.sku, line.name, *map(format_plain, amounts)]
    return [*content, modifiers] if modifiers else content


def _build_payment_content(payment: Payment) -> list[Any]:
    """Return the payment; `external` is appended for a stand-alone card reader only."""
    entry = [payment.entry] if payment.entry == Payment.Entry.EXTERNAL else []
    amounts = (format_plain(payment.amount), format_plain(payment.change))
    return [payment.pk, payment.method, *amounts, *entry]
