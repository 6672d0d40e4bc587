"""Tables below a receipt, a refund or a Z report: its hash chain entry and its text."""

from typing import Any

from accounts.admin.tables import Table, table_row
from orders.models import ChainEntry
from orders.services.completion.hash_chain import compute_hash
from orders.services.documents.document import Document
from orders.services.documents.print import RENDERERS


def build_chain_table(kind: ChainEntry.Kind, subject: Any) -> Table:
    """Build the table of the hash chain entry, with whether its hash matches the content."""
    entry = ChainEntry.objects.filter(kind=kind, subject=subject.pk).first()
    if entry is None:
        return Table("Tamper check", nothing="There is no entry in the hash chain of the register.")
    fits = compute_hash(entry.previous_hash, entry.content) == entry.hash
    return Table(
        "Tamper check",
        (
            table_row("Entry number", str(entry.sequence)),
            table_row("Hash", entry.hash),
            table_row("Previous hash", entry.previous_hash or "This is the first entry."),
            table_row("Result", "unchanged" if fits else "CHANGED: the hash does not match"),
        ),
        note="manage.py verify_chain checks the whole chain.",
    )


def build_text_table(document: Document) -> Table:
    return Table("Printed text", printed_text=RENDERERS["text"].render(document).decode())
