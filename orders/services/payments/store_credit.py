"""Store credit: issue, spend, return and block, with a ledger entry for each change."""

import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Literal, TypeVar

from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.utils import timezone

from accounts.models import User
from accounts.security.rate_limits.limiter import Lockout, count_attempt, reset_attempts
from accounts.security.rate_limits.policies import buckets_for_store_credit_code
from accounts.services.login_attempts import build_lockout_facts
from orders.exceptions import (
    StoreCreditBlocked,
    StoreCreditCodeTaken,
    StoreCreditOverLimit,
    UnknownStoreCredit,
)
from orders.models import (
    Order,
    Payment,
    Payout,
    Refund,
    RegisterSeries,
    StoreCredit,
    StoreCreditEntry,
)
from orders.models.catalog import normalize_code
from orders.models.columns import round_sum
from orders.models.credit import ensure_storable_code, mask_code
from orders.services.money_limits import REFUND_AMOUNT, LimitPeriod, is_within_limit
from orders.services.payments.tender import NewPayment
from tenants import audit, idempotency
from tenants.database.bulk_insert import build_row
from tenants.database.compiled_queries import CompiledQuery
from tenants.database.postgres.pipeline import Call, Result
from tenants.exceptions import DomainError, IdConflict
from tenants.ids import unique_or
from tenants.models import Register
from tenants.scope import atomic_with_retry, current_tenant

# Without letters and digits that look alike: it is read from paper and typed.
CODE_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
Type = StoreCreditEntry.Type
T = TypeVar("T", Payment, Payout)


def generate_code() -> str:
    """Return a random code of twelve characters, 60 bits: too many to guess."""
    groups = ("".join(secrets.choice(CODE_ALPHABET) for _ in range(4)) for _ in range(3))
    return "-".join(groups)


@atomic_with_retry
def issue_credit(
    *,
    id: uuid.UUID,
    amount: Decimal,
    code: str = "",
    customer_name: str = "",
    reason: str = "",
    by: User,
    register: uuid.UUID | None = None,
) -> tuple[StoreCredit, bool]:
    """Issue store credit, such as a gift card; the same id again is the same credit.

    It counts against the user's refund limit, in the open shift of `register` or else in the
    business day. Returns the credit and whether it is new. Raises `StoreCreditOverLimit`.
    """
    ensure_storable_code(code, "code")
    idempotency.save_key()
    known = StoreCredit.objects.filter(pk=id).first()
    if known is not None:
        issued = known.entries.filter(type=Type.ISSUE).values_list("amount", flat=True).first()
        if issued != amount or (code and normalize_code(code) != known.code):
            raise IdConflict
        return known, False
    if not is_within_limit(by, REFUND_AMOUNT, amount, _build_period(register)):
        raise StoreCreditOverLimit
    credit = StoreCredit(
        id=id,
        code=normalize_code(code) or generate_code(),
        balance=amount,
        customer_name=customer_name,
    )
    with unique_or(partial(_find_conflict, credit)), transaction.atomic():
        credit.save(force_insert=True)
    _add_entry(credit, Type.ISSUE, amount, reason=reason, by=by)
    money = str(current_tenant().quantize_amount(amount))
    audit.record("store_credit_issued", actor=by, target=credit, amount=money, reason=reason)
    return credit, True


def _build_period(register_id: uuid.UUID | None) -> LimitPeriod:
    """Return the open shift of the register, or the business day of its store or of the tenant."""
    if register_id is None:
        return LimitPeriod()
    register = Register.objects.select_related("store").get(pk=register_id)
    return LimitPeriod(RegisterSeries.objects.find_shift(register), register.store)


def _find_conflict(credit: StoreCredit) -> DomainError:
    is_taken = StoreCredit.objects.filter(code=credit.code).exists()
    return StoreCreditCodeTaken() if is_taken else IdConflict()


@atomic_with_retry
def block_credit(credit_id: uuid.UUID, *, reason: str = "", by: User) -> StoreCredit:
    """Block a credit whose code was lost or stolen."""
    return _set_active(credit_id, False, "store_credit_blocked", reason, by)


@atomic_with_retry
def unblock_credit(credit_id: uuid.UUID, *, reason: str = "", by: User) -> StoreCredit:
    """Allow payments with a blocked credit again."""
    return _set_active(credit_id, True, "store_credit_unblocked", reason, by)


def _set_active(
    credit_id: uuid.UUID, active: bool, event: str, reason: str, by: User
) -> StoreCredit:
    """Block or unblock a credit; record an audit event only if it changes."""
    credits = StoreCredit.objects.visible_to(by).select_for_update(no_key=True)
    credit = credits.get(pk=credit_id)
    if credit.is_active != active:
        credit.is_active = active
        credit.save_changes("is_active")
        money = str(current_tenant().quantize_amount(credit.balance))
        audit.record(event, actor=by, target=credit, balance=money, reason=reason)
    return credit


# --- codes, which are guessed at --------------------------------------------------------------


@contextmanager
def count_code_attempt(
    way: Literal["look_up", "payment", "refund", "issue"], *, by: User, place: str | None
) -> Iterator[None]:
    """Count an attempt at a code before it is looked up; only unknown codes stay counted.

    A correct code does not reset the count, because an attacker may own a credit. Runs outside of
    transactions, so that the count survives the refusal.
    To issue credit under a chosen code, a code that is taken is what stays counted.
    """
    claims = buckets_for_store_credit_code(by, place)
    waits = count_attempt(claims)
    try:
        yield
    except (UnknownStoreCredit, StoreCreditCodeTaken):
        record_wrong_code(way, waits, by=by)
        raise
    except BaseException:
        reset_attempts(give_back=claims)
        raise
    reset_attempts(give_back=claims)


def record_wrong_code(way: str, lockouts: Sequence[Lockout], *, by: User) -> None:
    """Record a wrong code and the lockouts that it starts in the audit log."""
    audit.record("store_credit_code_failed", actor=by, way=way)
    for lockout in lockouts:
        audit.record("too_many_attempts", actor=by, **build_lockout_facts(lockout))


def look_up_credit(code: str, *, by: User, place: str | None) -> StoreCredit | None:
    """Return the credit with exactly this code, or None; a wrong code is counted."""
    try:
        with count_code_attempt("look_up", by=by, place=place):
            return _get_by_code(code)
    except UnknownStoreCredit:
        return None


def _get_by_code(code: str) -> StoreCredit:
    credit = StoreCredit.objects.with_code(code).first()
    if credit is None:
        raise _unknown_code_error(code)
    return credit


def list_issued_codes(refund: Refund) -> list[dict[str, str]]:
    """Return the codes of credits that a refund has created, each with its payout.

    Credits that existed before are left out: their codes belong to a customer.
    """
    done = [each for each in refund.loaded_payouts if each.status == Payout.Status.DONE]
    makers = _find_makers(done, "refund")
    return [
        {"payout": str(each.pk), "code": normalize_code(each.reference)}
        for each in sorted(done, key=lambda each: each.pk)
        if makers.get(normalize_code(each.reference)) == refund.pk
    ]


def list_codes_paid_out(order: Order) -> list[dict[str, str]]:
    """Return the codes of credits that returned goods have created, each with its payment."""
    paid_out = [each for each in order.loaded_payments if each.is_paid_out]
    makers = _find_makers(paid_out, "payment")
    return [
        {"payment": str(each.pk), "code": normalize_code(each.reference)}
        for each in paid_out
        if makers.get(normalize_code(each.reference)) == each.pk
    ]


def _find_makers(
    paid: Iterable[Payment] | Iterable[Payout], kind: Literal["refund", "payment"]
) -> dict[str, uuid.UUID | None]:
    """Return the refund or payment of the first entry of each store credit, by its code."""
    codes = {normalize_code(each.reference) for each in paid if _is_by_credit(each)}
    if not codes:
        return {}
    first = StoreCreditEntry.objects.filter(credit=OuterRef("pk")).order_by("created_at", "pk")
    made = StoreCredit.objects.filter(code__in=codes)
    return dict(made.annotate(maker=Subquery(first.values(kind)[:1])).values_list("code", "maker"))


# --- the ledger -------------------------------------------------------------------------------


def sort_by_code(rows: Iterable[T]) -> list[T]:
    """Return payments or payouts in the order in which credits are locked.

    This is the order of the normalized codes, so that parallel requests do not deadlock.
    """
    return sorted(rows, key=lambda each: normalize_code(each.reference))


def spend_credits(payments: Sequence[Payment], *, by: User) -> None:
    """Deduct payments with store credit from their credits, and issue credit for those paid out."""
    for each in sort_by_code(filter(_is_by_credit, payments)):
        if each.is_paid_out:
            _pay_out_as_credit(each, by)
        else:
            spend_credit(each.reference, each.amount, payment=each.pk, by=by)


def _pay_out_as_credit(payment: Payment, by: User) -> None:
    """Add the amount to the credit with this code, or to a new credit without a code.

    Raises for an unknown code, which may be mistyped, and for a blocked credit.
    """
    if payment.reference:
        _ensure_usable([payment.reference])
    name = payment.order.customer_name
    credit = _add_to_credit(payment.reference, -payment.amount, name, payment=payment.pk, by=by)
    payment.reference = payment.reference or credit.code


def spend_credit(code: str, amount: Decimal, *, payment: uuid.UUID, by: User | None) -> None:
    """Deduct an amount from a credit, which stays locked until the end of the transaction."""
    credit = StoreCredit.objects.with_code(code).locked().first()
    if credit is None:
        raise _unknown_code_error(code)
    credit.spend(amount)
    credit.save(update_fields=["balance", "version", "updated_at"])
    _add_entry(credit, Type.SPEND, -amount, payment=payment, by=by)


LOCKED_CREDIT = CompiledQuery(
    lambda tenant, code: StoreCredit.objects.locked().filter(tenant=tenant, code=code)
)


class PreparedCredits:
    """The credits of some payments, to be read and locked in a message, one after the other."""

    def __init__(self, payments: Iterable[NewPayment]) -> None:
        self.codes = sorted(
            {normalize_code(each.reference) for each in payments if _is_by_credit(each)}
        )
        tenant = current_tenant().pk
        self.queries = [LOCKED_CREDIT.prepare(tenant=tenant, code=code) for code in self.codes]

    @property
    def calls(self) -> list[Call]:
        return [query.call for query in self.queries]

    def read(self, results: Iterator[Result]) -> dict[str, StoreCredit]:
        """Return the credits by their codes; the results come in the order of the calls."""
        found = [query.build_instances(next(results)) for query in self.queries]
        return {credit.code: credit for credits in found for credit in credits}


def build_spending(
    payments: Iterable[Payment], credits: Mapping[str, StoreCredit], *, by: User
) -> list[StoreCreditEntry]:
    """Spend each payment with store credit from locked credits; saves nothing."""
    entries = []
    for each in sort_by_code(filter(_is_by_credit, payments)):
        credit = credits.get(normalize_code(each.reference))
        if credit is None:
            raise _unknown_code_error(each.reference)
        credit.spend(each.amount)
        entries.append(
            build_row(
                StoreCreditEntry,
                credit=credit,
                type=Type.SPEND,
                amount=-each.amount,
                payment=each.pk,
                by=by,
            )
        )
    return entries


def _is_by_credit(payment: Payment | Payout | NewPayment) -> bool:
    return payment.method == Payment.Method.STORE_CREDIT


def _unknown_code_error(code: str) -> UnknownStoreCredit:
    return UnknownStoreCredit(reference=mask_code(code), balance=None)


def reverse_spending(code: str, amount: Decimal, *, payment: uuid.UUID, by: User | None) -> None:
    """Return a canceled payment to its credit."""
    credits = StoreCredit.objects.with_code(code)
    credits.update(**_build_balance_update(amount))
    _add_entry(credits.get(), Type.CANCEL, amount, payment=payment, by=by)


def ensure_credits_usable(payouts: Sequence[Payout]) -> None:
    """Raise for a refund to a code that no credit has, or to a blocked credit.

    Without a reference a new code is made. Call it once the refund is allowed: a person who may
    not make the refund must learn nothing about a code.
    """
    _ensure_usable(each.reference for each in payouts if _is_by_credit(each) and each.reference)


def _ensure_usable(references: Iterable[str]) -> None:
    codes = sorted(map(normalize_code, references))
    credits = StoreCredit.objects.filter(code__in=codes) if codes else ()
    found = {credit.code: credit for credit in credits}
    for code in codes:
        if code not in found:
            raise _unknown_code_error(code)
        if not found[code].is_active:
            raise StoreCreditBlocked(reference=found[code].masked_code)


def refund_to_credit(
    code: str, amount: Decimal, *, refund: uuid.UUID, customer_name: str, by: User | None
) -> StoreCredit:
    """Refund to an existing credit with this code, or to a new one.

    A parallel request may create the same new one. A credit that was blocked meanwhile stays
    blocked and receives the amount.
    """
    return _add_to_credit(code, amount, customer_name, refund=refund, by=by)


def _add_to_credit(
    code: str,
    amount: Decimal,
    customer_name: str,
    *,
    payment: uuid.UUID | None = None,
    refund: uuid.UUID | None = None,
    by: User | None,
) -> StoreCredit:
    code = normalize_code(code) or generate_code()
    new = StoreCredit(code=code, customer_name=customer_name)
    StoreCredit.objects.bulk_create([new], ignore_conflicts=True)
    credits = StoreCredit.objects.filter(code=code)
    credits.update(**_build_balance_update(amount))
    credit = credits.get()
    _add_entry(credit, Type.REFUND, amount, payment=payment, refund=refund, by=by)
    return credit


def _build_balance_update(amount: Decimal) -> dict[str, object]:
    return {
        "balance": round_sum(F("balance") + amount),
        "version": F("version") + 1,
        "updated_at": timezone.now(),
    }


def _add_entry(
    credit: StoreCredit,
    type: StoreCreditEntry.Type,
    amount: Decimal,
    *,
    reason: str = "",
    payment: uuid.UUID | None = None,
    refund: uuid.UUID | None = None,
    by: User | None,
) -> None:
    StoreCreditEntry(
        credit=credit,
        type=type,
        amount=amount,
        reason=reason,
        payment=payment,
        refund=refund,
        by=by,
    ).save(force_insert=True)
