"""Store credit: what the shop owes, given and spent one conditional update at a time."""

import secrets
import uuid
from collections.abc import Sequence
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import User
from orders.exceptions import CreditCodeTaken, InsufficientCredit
from orders.models import Payment, StoreCredit, StoreCreditEntry
from orders.models.catalog import folded
from orders.models.columns import rounded
from tenants import audit
from tenants.exceptions import IdConflict
from tenants.ids import is_duplicate
from tenants.scope import current_tenant, deed

# Without letters and digits that look alike: it is read from paper and typed.
LEGIBLE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
Type = StoreCreditEntry.Type


def new_code() -> str:
    """Twelve signs, 60 bits: nobody guesses the gift card of another customer."""
    groups = ("".join(secrets.choice(LEGIBLE) for _ in range(4)) for _ in range(3))
    return "-".join(groups)


@deed
def issue_credit(
    *,
    id: uuid.UUID,
    amount: Decimal,
    code: str = "",
    customer_name: str = "",
    reason: str = "",
    by: User,
) -> tuple[StoreCredit, bool]:
    """Owe a customer something: a gift card, or goodwill; the same id again is the same credit.

    Returns the credit, and whether it is new.
    """
    known = StoreCredit.objects.filter(pk=id).first()
    if known is not None:
        issued = known.entries.filter(type=Type.ISSUE).values_list("amount", flat=True).first()
        if issued != amount or (code and folded(code) != known.code):
            raise IdConflict
        return known, False
    credit = StoreCredit(
        id=id, code=folded(code) or new_code(), balance=amount, customer_name=customer_name
    )
    try:
        with transaction.atomic():
            credit.save(force_insert=True)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        if StoreCredit.objects.filter(code=credit.code).exists():
            raise CreditCodeTaken from error
        raise IdConflict from error
    _enter(credit, Type.ISSUE, amount, reason=reason, by=by)
    money = str(current_tenant().in_currency(amount))
    audit.record("store_credit_issued", actor=by, target=credit, amount=money, reason=reason)
    return credit, True


def spend_credits(payments: Sequence[Payment], *, by: User) -> None:
    """Each payment with store credit, in the order of their codes: so nobody waits in a circle."""
    with_credit = [each for each in payments if each.method == Payment.Method.STORE_CREDIT]
    for each in sorted(with_credit, key=lambda each: each.reference):
        spend_credit(each.reference, each.amount, payment=each.pk, by=by)


def spend_credit(code: str, amount: Decimal, *, payment: uuid.UUID, by: User | None) -> None:
    """Pay with it, if that much is left: the update and its condition are one statement."""
    credits = StoreCredit.objects.filter(code=folded(code), is_active=True)
    if not credits.filter(balance__gte=amount).update(**_changed(-amount)):
        balance = credits.values_list("balance", flat=True).first()
        money = current_tenant().in_currency
        raise InsufficientCredit(
            reference=code, balance=None if balance is None else str(money(balance))
        )
    _enter(credits.get(), Type.SPEND, -amount, payment=payment, by=by)


def credit_back(code: str, amount: Decimal, *, payment: uuid.UUID, by: User | None) -> None:
    """A payment with it was taken back."""
    credits = StoreCredit.objects.filter(code=folded(code))
    credits.update(**_changed(amount))
    _enter(credits.get(), Type.CANCEL, amount, payment=payment, by=by)


def credit_for_refund(
    code: str, amount: Decimal, *, refund: uuid.UUID, customer_name: str, by: User | None
) -> StoreCredit:
    """Give money back as credit: onto the code named, or as a new one.

    Another till may make the same new one at this moment; what was blocked is in use again.
    """
    code = folded(code) or new_code()
    new = StoreCredit(code=code, customer_name=customer_name)
    StoreCredit.objects.bulk_create([new], ignore_conflicts=True)
    credits = StoreCredit.objects.filter(code=code)
    credits.update(**_changed(amount), is_active=True)
    credit = credits.get()
    _enter(credit, Type.REFUND, amount, refund=refund, by=by)
    return credit


def _changed(amount: Decimal) -> dict[str, object]:
    return {
        "balance": rounded(F("balance") + amount),
        "version": F("version") + 1,
        "updated_at": timezone.now(),
    }


def _enter(
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
