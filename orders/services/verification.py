"""Chain verification: compare every hash chain with the database, and find missing entries."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch

from orders.models import (
    ChainEntry,
    Order,
    OrderLine,
    Payment,
    Receipt,
    ReceiptProfile,
    Refund,
    RegisterSeries,
    Shift,
)
from orders.services.completion.hash_chain import (
    GENESIS_HASH,
    build_fiscal_content,
    build_receipt_content,
    build_refund_content,
    build_reversal_content,
    compute_hash,
    compute_profile_hash,
    to_canonical_json,
)
from orders.services.shifts.close import build_z_report
from orders.services.shifts.report import sum_sales_and_refunds
from tenants.models import Register

Kind = ChainEntry.Kind
BATCH_SIZE = 500
# What findings about receipt profiles have as their kind.
PROFILE = "receipt_profile"
# The columns that entries contain; loading the others takes longer than verification.
ENTRY_FIELDS = ("register", "sequence", "kind", "subject", "content", "previous_hash", "hash")
ORDER_FIELDS = (
    *("number", "receipt_number", "register", "cashier", "completed_at", "taxes"),
    *("discount_total", "tax_total", "cash_rounding", "total"),
    *("device_sequence", "sold_at", "flags", "adjustment"),
)
LINE_FIELDS = (
    *("order", "position", "sku", "name", "quantity", "unit_price"),
    *("discount_total", "tax_total", "total", "modifiers"),
)
PAYMENT_FIELDS = ("order", "position", "method", "entry", "status", "amount", "change")


@dataclass(frozen=True, slots=True)
class Finding:
    """What the verification found wrong; `sequence` is None if no entry is concerned."""

    register: str
    sequence: int | None
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class StoredSubject:
    """The subject of an entry as stored; empty content if the stored rows contradict it."""

    register: uuid.UUID
    content: str


def verify_chains() -> Iterator[Finding]:
    """Yield all deviations of the current tenant's chains, register by register.

    Sales may continue meanwhile: each chain is read up to its last entry at the start, and each
    search for missing or surplus entries is a single statement and so sees one snapshot.
    """
    for register in Register.objects.order_by("number", "pk"):
        yield from _verify_register(register)
    yield from _find_changed_profiles()
    yield from _find_entries_after_end()
    yield from _find_unchained()


def _verify_register(register: Register) -> Iterator[Finding]:
    series = RegisterSeries.objects.filter(register=register).first()
    if series is None:
        return
    last, last_hash = 0, GENESIS_HASH
    for entry, subject in _read_entries(register, series.last_entry):
        for problem in _check_entry(entry, subject, last, last_hash):
            yield Finding(register.name, entry.sequence, entry.kind, problem)
        last, last_hash = entry.sequence, entry.hash
    if (last, last_hash) != (series.last_entry, series.last_hash):
        problem = f"the chain ends at {last}, and the register's last entry is {series.last_entry}"
        same = f"the last entry does not have the hash that the register stores for {last}"
        yield Finding(register.name, None, "", problem if last != series.last_entry else same)


def _read_entries(
    register: Register, last: int
) -> Iterator[tuple[ChainEntry, StoredSubject | None]]:
    """Yield the entries in order with their subjects, in batches."""
    entries = ChainEntry.objects.filter(register=register, sequence__lte=last).only(*ENTRY_FIELDS)
    rows = entries.order_by("sequence", "pk").iterator(chunk_size=BATCH_SIZE)
    while chunk := list(islice(rows, BATCH_SIZE)):
        subjects = {
            kind: load([entry.subject for entry in chunk if entry.kind == kind])
            for kind, load in LOADERS.items()
        }
        for entry in chunk:
            yield entry, subjects.get(entry.kind, {}).get(entry.subject)


def _check_entry(
    entry: ChainEntry, subject: StoredSubject | None, last: int, last_hash: str
) -> Iterator[str]:
    if entry.sequence != last + 1:
        yield f"follows entry {last}: entries are missing or repeated"
    if entry.previous_hash != last_hash:
        yield "does not contain the hash of the previous entry"
    if entry.hash != compute_hash(entry.previous_hash, entry.content):
        yield "its hash does not match its content"
    yield from _check_subject(entry, subject)


def _check_subject(entry: ChainEntry, subject: StoredSubject | None) -> Iterator[str]:
    if subject is None:
        yield f"there is no {entry.get_kind_display().lower()} {entry.subject}"
    elif subject.content != entry.content:
        yield f"{entry.subject} differs from the database"
    elif subject.register != entry.register_id:
        yield f"{entry.subject} belongs to another register"


# --- content from the database --------------------------------------------------------------------


def _build_prefetches() -> tuple[Any, ...]:
    return (
        Prefetch("lines", OrderLine.objects.only(*LINE_FIELDS), to_attr="loaded_lines"),
        Prefetch("payments", Payment.objects.only(*PAYMENT_FIELDS), to_attr="loaded_payments"),
    )


def _load_receipts(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredSubject]:
    receipts = {receipt.order_id: receipt for receipt in Receipt.objects.filter(pk__in=ids)}
    orders = (
        Order.objects.filter(pk__in=receipts)
        .only(*ORDER_FIELDS)
        .prefetch_related(*_build_prefetches())
    )
    hashes = _hash_profiles(receipts.values())
    return {
        receipts[order.pk].pk: _rebuild_receipt(receipts[order.pk], order, hashes)
        for order in orders
    }


def _hash_profiles(rows: Iterable[Any]) -> dict[uuid.UUID | None, str]:
    """Return the hashes of the profiles of receipts, refunds or shifts, computed from the rows."""
    ids = {row.profile_id for row in rows} - {None}
    profiles = ReceiptProfile.objects.filter(pk__in=ids) if ids else ()
    return {None: "", **{profile.pk: compute_profile_hash(profile) for profile in profiles}}


def _rebuild_receipt(
    receipt: Receipt, order: Order, hashes: dict[uuid.UUID | None, str]
) -> StoredSubject:
    agree = (receipt.number, receipt.issued_at) == (order.receipt_number, order.completed_at)
    content = build_receipt_content(order, hashes.get(receipt.profile_id, ""))
    return StoredSubject(receipt.register_id, to_canonical_json(content) if agree else "")


def _load_refunds(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredSubject]:
    refunds = list(Refund.objects.filter(pk__in=ids).with_details())
    hashes = _hash_profiles(refunds)
    return {
        refund.pk: StoredSubject(
            refund.register_id,
            to_canonical_json(build_refund_content(refund, hashes.get(refund.profile_id, ""))),
        )
        for refund in refunds
    }


def _load_reversals(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredSubject]:
    reversed_refunds = Refund.objects.filter(pk__in=ids, reversed_at__isnull=False)
    return {
        refund.pk: StoredSubject(
            refund.register_id, to_canonical_json(build_reversal_content(refund))
        )
        for refund in reversed_refunds
    }


def _load_fiscal_texts(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredSubject]:
    return {
        row.pk: StoredSubject(row.register_id, to_canonical_json(build_fiscal_content(row)))
        for model in (Receipt, Refund)
        for row in model._default_manager.filter(pk__in=ids)
    }


def _load_z_reports(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, StoredSubject]:
    shifts = list(Shift.objects.filter(pk__in=ids))
    hashes = _hash_profiles(shifts)
    return {
        shift.pk: _rebuild_z_report(shift, hashes.get(shift.profile_id, "")) for shift in shifts
    }


def _rebuild_z_report(shift: Shift, profile_hash: str) -> StoredSubject:
    """Return the stored Z report if shift and sales still have the same figures.

    Figures that an older report does not contain are not compared.
    """
    report = shift.z_report or {}
    recomputed = {
        name: figures for name, figures in sum_sales_and_refunds(shift).items() if name in report
    }
    today, written = (
        to_canonical_json(build_z_report(shift, {**report, **recomputed}, profile_hash)),
        to_canonical_json(report),
    )
    return StoredSubject(shift.register_id, written if today == written else "")


LOADERS: dict[str, Callable[[Sequence[uuid.UUID]], dict[uuid.UUID, StoredSubject]]] = {
    Kind.RECEIPT: _load_receipts,
    Kind.REFUND: _load_refunds,
    Kind.Z_REPORT: _load_z_reports,
    Kind.REVERSAL: _load_reversals,
    Kind.FISCAL: _load_fiscal_texts,
}


# --- missing and surplus entries ------------------------------------------------------------------


def _find_changed_profiles() -> Iterator[Finding]:
    """Find receipt profiles that do not have their hash, and stores that name another one."""
    for profile in ReceiptProfile.objects.order_by("store", "version").iterator(BATCH_SIZE):
        if profile.hash != compute_profile_hash(profile):
            problem = f"receipt profile {profile.pk} does not match its hash"
            yield Finding("", None, PROFILE, problem)


def _find_entries_after_end() -> Iterator[Finding]:
    series = RegisterSeries.objects.filter(
        register=OuterRef("register"), last_entry__gte=OuterRef("sequence")
    )
    surplus = ChainEntry.objects.filter(~Exists(series)).select_related("register")
    for entry in surplus.order_by("register", "sequence").iterator(chunk_size=BATCH_SIZE):
        problem = "is after the register's last entry"
        yield Finding(entry.register.name, entry.sequence, entry.kind, problem)


def _find_unchained() -> Iterator[Finding]:
    """Find receipts, refunds, reversals and Z reports without exactly one hash chain entry."""
    without_receipt = Order.objects.sold().filter(receipt=None)
    yield from _build_findings(without_receipt, Kind.RECEIPT, "completed order {} has no receipt")
    booked = Refund.objects.booked()
    closed = Shift.objects.filter(status=Shift.Status.CLOSED)
    for rows, kind in (
        (Receipt.objects.all(), Kind.RECEIPT),
        (booked, Kind.REFUND),
        (booked.filter(reversed_at__isnull=False), Kind.REVERSAL),
        (closed, Kind.Z_REPORT),
        (Receipt.objects.exclude(fiscal=None), Kind.FISCAL),
        (Refund.objects.exclude(fiscal=None), Kind.FISCAL),
    ):
        entries = ChainEntry.objects.filter(kind=kind, subject=OuterRef("pk"))
        yield from _build_findings(rows.filter(~Exists(entries)), kind, "{} has no entry")
    repeated = ChainEntry.objects.values("kind", "subject").annotate(times=Count("pk"))
    for row in repeated.filter(times__gt=1).order_by("kind", "subject"):
        yield Finding("", None, row["kind"], f"{row['subject']} has {row['times']} entries")


def _build_findings(rows: Any, kind: Kind, problem: str) -> Iterator[Finding]:
    for row in rows.select_related("register").iterator(chunk_size=BATCH_SIZE):
        yield Finding(row.register.name, None, kind.value, problem.format(row.pk))
