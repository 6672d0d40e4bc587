"""What stands below a receipt, a refund or a Z: its place in the chain, and its text."""

from typing import Any

from accounts.admin.tables import Table, table_row
from orders.models import ChainEntry
from orders.services.completion.hash_chain import compute_hash
from orders.services.documents.document import Document
from orders.services.documents.print import RENDERERS


def build_chain_table(kind: ChainEntry.Kind, subject: Any) -> Table:
    """The entry of the register's chain, and whether its hash is still that of its content."""
    entry = ChainEntry.objects.filter(kind=kind, subject=subject.pk).first()
    if entry is None:
        return Table("Seal", nothing="It has no entry in the chain of its register.")
    fits = compute_hash(entry.previous_hash, entry.content) == entry.hash
    return Table(
        "Seal",
        (
            table_row("Entry in the chain", str(entry.sequence)),
            table_row("Hash", entry.hash),
            table_row("Hash of the entry before", entry.previous_hash or "It is the first one."),
            table_row("Hash and content", "fit together" if fits else "DO NOT FIT: it was changed"),
        ),
        note="The whole chain is proved by manage.py verify_chain.",
    )


def build_text_table(paper: Document) -> Table:
    return Table("On paper", paper=RENDERERS["text"].render(paper).decode())
