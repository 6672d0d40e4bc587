"""Texts of an outside signing service on a receipt, written once before the first print."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import Role, User
from orders.models import ChainEntry, Receipt, Refund, RegisterSeries
from orders.services.completion.hash_chain import build_chain_entry, build_fiscal_content
from orders.services.documents.email import is_mail_requested
from tenants import audit
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import NotPermitted
from tenants.scope import atomic_with_retry


@dataclass(frozen=True, slots=True)
class FiscalTexts:
    """Lines of text, and the content of a QR code; one of them may be empty."""

    lines: Sequence[str]
    qr: str


@atomic_with_retry
def write_fiscal_texts(
    receipt: Receipt | Refund, texts: FiscalTexts, *, at_register: uuid.UUID | None, by: User
) -> Receipt | Refund:
    """Write the texts of a receipt or refund receipt, and chain them.

    Managers may do so anywhere, and others at the register of the receipt. Raises `NotPermitted`,
    `FiscalTextsWritten` and `ReceiptPrinted`.
    """
    if not by.is_at_least(Role.MANAGER) and at_register != receipt.register_id:
        raise NotPermitted
    # The register is locked first, as by a sale.
    numbers = RegisterSeries.objects.increment(receipt.register)
    rows = type(receipt)._default_manager.select_for_update(no_key=True, of=("self",))
    row = rows.select_related("register").get(pk=receipt.pk)
    row.write_fiscal(texts.lines, texts.qr, is_mailed=is_mail_requested(row))
    row.save_changes("fiscal")
    entry, extension = build_chain_entry(
        ChainEntry.Kind.FISCAL, row.pk, build_fiscal_content(row), numbers, row.register
    )
    bulk_insert([entry], also=[extension])
    audit.record("fiscal_texts_written", actor=by, target=row, order=str(row.order_id))
    if isinstance(row, Refund):
        publish("refund.updated", about=row, order=str(row.order_id))
    return row
