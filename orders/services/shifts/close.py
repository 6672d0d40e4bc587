"""Close a shift: blind count, variance check, immutable Z report."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.exceptions import CountBeyondTolerance, PaymentsUnclear
from orders.models import ChainEntry, Payment, RegisterSeries, Shift
from orders.models.columns import MAX_AMOUNT
from orders.services.completion.hash_chain import build_chain_entry, build_profile_content
from orders.services.shifts.cash_drawer import ensure_may_run, lock_shift, mark_ended
from orders.services.shifts.report import build_report, find_unresolved_payments
from tenants import audit, idempotency
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import Invalid
from tenants.scope import atomic_with_retry, current_tenant

CASH = Payment.Method.CASH.value


@dataclass(frozen=True, slots=True)
class ShiftCount:
    """A blind count: amounts per payment method, and cash by denomination."""

    counted: Mapping[str, Decimal]
    denominations: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    note: str = ""

    @property
    def by_method(self) -> Mapping[str, Decimal]:
        """Return the counted amounts per method; cash as a total, by denomination, or both.

        Raises `Invalid` if cash is missing or both do not agree.
        """
        if not self.denominations:
            if CASH not in self.counted:
                raise Invalid.field("counted", "Enter the counted cash.", code="required")
            return self.counted
        coins = sum((each["value"] * each["count"] for each in self.denominations), Decimal(0))
        if coins >= MAX_AMOUNT:
            raise Invalid.field("denominations", "Amount exceeds the maximum.", code="max_value")
        if self.counted.get(CASH, coins) != coins:
            raise Invalid.field(
                "denominations", "Must add up to the counted cash.", code="mismatch"
            )
        return {**self.counted, CASH: coins}


def close_shift(
    shift_id: uuid.UUID, count: ShiftCount, *, expected_version: int | None = None, by: User
) -> Shift:
    """Close a shift with its count and write its Z report; an open shift is ended first.

    Raises `CountBeyondTolerance` and audits the refused count: repeated attempts would reveal the
    expected amounts. Raises `PaymentsUnclear` while payments have an unknown outcome.
    """
    if idempotency.is_resumed():
        # Closed by the earlier attempt of this request.
        return Shift.objects.visible_to(by).get(pk=shift_id)
    try:
        return _count_and_close(shift_id, count, expected_version, by)
    except CountBeyondTolerance:
        _record_refused_count(shift_id, count, by)
        raise


@atomic_with_retry
def _count_and_close(
    shift_id: uuid.UUID, count: ShiftCount, expected_version: int | None, by: User
) -> Shift:
    shift = lock_shift(shift_id, by)
    shift.ensure_version(expected_version)
    ensure_may_run(shift, by)
    shift.ensure_not_status(Shift.Status.CLOSED)
    if shift.status == Shift.Status.OPEN:
        mark_ended(shift, by)
    if unclear := find_unresolved_payments(shift):
        raise PaymentsUnclear(payments=unclear)
    report = build_report(shift)
    counted = _compare_methods(report, count.by_method)
    if not by.may_accept_difference(max(abs(Decimal(each["difference"])) for each in counted)):
        raise CountBeyondTolerance
    idempotency.save_key()
    _close(shift, count, report, counted, by)
    return shift


@atomic_with_retry
def _record_refused_count(shift_id: uuid.UUID, count: ShiftCount, by: User) -> None:
    counted = {method: str(amount) for method, amount in count.by_method.items()}
    shift = Shift.objects.get(pk=shift_id)
    audit.record("shift_count_refused", actor=by, target=shift, counted=counted)


def _compare_methods(
    report: Mapping[str, Any], counted: Mapping[str, Decimal]
) -> list[dict[str, Any]]:
    """Compare expected and counted amounts per method; without a count the difference is zero."""
    expected = {each["method"]: Decimal(each["amount"]) for each in report["expected"]}
    return [
        _compare_method(method, expected.get(method, Decimal(0)), counted.get(method))
        for method in sorted(expected.keys() | counted.keys())
    ]


def _compare_method(method: str, expected: Decimal, counted: Decimal | None) -> dict[str, Any]:
    money = current_tenant().quantize_amount
    return {
        "method": method,
        "expected": str(money(expected)),
        "counted": None if counted is None else str(money(counted)),
        "difference": str(money(Decimal(0) if counted is None else counted - expected)),
    }


def _close(
    shift: Shift, count: ShiftCount, report: dict[str, Any], counted: list[dict[str, Any]], by: User
) -> None:
    numbers = RegisterSeries.objects.increment(shift.register, zs=1)
    shift.status, shift.closed_by, shift.closed_at = Shift.Status.CLOSED, by, timezone.now()
    shift.z_number, shift.note, shift.counted = numbers.z, count.note, counted
    shift.denominations = [
        {"value": str(each["value"]), "count": each["count"]} for each in count.denominations
    ]
    shift.counted_cash = count.by_method[CASH]
    shift.profile_id = shift.store.receipt_profile
    content = shift.z_report = build_z_report(shift, report, shift.store.receipt_profile_hash)
    shift.version += 1
    shift.save()
    entry, extension = build_chain_entry(
        ChainEntry.Kind.Z_REPORT, shift.pk, content, numbers, shift.register
    )
    bulk_insert([entry], also=[extension])
    over_short = {each["method"]: each["difference"] for each in counted}
    audit.record("shift_closed", actor=by, target=shift, z_number=numbers.z, over_short=over_short)
    publish("shift.closed", about=shift, z_number=numbers.z, register=str(shift.register_id))


def build_z_report(shift: Shift, report: dict[str, Any], profile_hash: str = "") -> dict[str, Any]:
    """Build the Z report: the figures of the shift, its count and its receipt profile."""
    return {
        **report,
        **build_profile_content(profile_hash),
        "z_number": shift.z_number,
        "shift": str(shift.pk),
        "register": str(shift.register_id),
        "store": str(shift.store_id),
        "currency": current_tenant().currency,
        "opened_at": shift.created_at.isoformat(),
        "opened_by": str(shift.opened_by_id),
        "ended_at": shift.ended_at.isoformat() if shift.ended_at else None,
        "ended_by": str(shift.ended_by_id),
        "closed_at": shift.closed_at.isoformat() if shift.closed_at else None,
        "closed_by": str(shift.closed_by_id),
        "counted": shift.counted,
        "denominations": shift.denominations,
        "note": shift.note,
    }
