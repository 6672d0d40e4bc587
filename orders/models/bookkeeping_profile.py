"""Bookkeeping profiles: the accounts of a store for the booking batches of its bookkeeper."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.db import models

from tenants.exceptions import FieldError, Invalid
from tenants.models import Store, TenantOwned

# Limits of DATEV's format.
RANGES = {
    "consultant_number": (1001, 9_999_999),
    "client_number": (1, 99_999),
    "fiscal_year_month": (1, 12),
    "account_length": (4, 8),
}
MAX_ACCOUNT_LENGTH = 8
MAX_TAX_KEY_LENGTH = 4
METHOD_ACCOUNTS = {
    "cash": "cash_account",
    "card": "card_account",
    "voucher": "voucher_account",
    "store_credit": "store_credit_account",
    "other": "other_account",
}
ACCOUNTS = (
    *METHOD_ACCOUNTS.values(),
    "clearing_account",
    "transfer_account",
    "paid_in_account",
    "paid_out_account",
    "over_short_account",
    "rounding_account",
    "credit_issue_account",
)
# Their balances have a meaning of their own, so that nothing else may be booked there.
UNSHARED = ("cash_account", "clearing_account")


def account_column(help_text: str, label: str | None = None) -> Any:
    """Return a column for an account; blank means that it is not set."""
    return models.CharField(label, max_length=MAX_ACCOUNT_LENGTH, blank=True, help_text=help_text)


class BookkeepingProfile(TenantOwned):
    """The numbers and accounts that a store's bookkeeper has given for booking batches.

    An account that is not set is an error only in a month that needs it.
    """

    class Chart(models.TextChoices):
        SKR03 = "03", "SKR 03"
        SKR04 = "04", "SKR 04"

    store = models.ForeignKey(Store, on_delete=models.PROTECT, related_name="+", db_index=False)
    consultant_number = models.PositiveIntegerField(help_text="DATEV's number of the consultant.")
    client_number = models.PositiveIntegerField(help_text="The consultant's number of the shop.")
    fiscal_year_month = models.PositiveSmallIntegerField(
        default=1, help_text="The month in which the fiscal year begins, such as 1 for January."
    )
    account_length = models.PositiveSmallIntegerField(
        default=4, help_text="Digits of the accounts in the general ledger: 4 to 8."
    )
    chart = models.CharField(
        max_length=2, choices=Chart, blank=True, verbose_name="chart of accounts"
    )
    # [{percent, account, tax_key}]; a percent of null is for goods without tax.
    revenue_accounts = models.JSONField(default=list, blank=True)
    cash_account = account_column("Cash in the drawers.")
    card_account = account_column("Card payments until the bank has them.")
    voucher_account = account_column("Vouchers that were accepted.")
    store_credit_account = account_column("Store credits that customers have.")
    other_account = account_column("Other payments.")
    clearing_account = account_column(
        "Between sales and payments. Its balance is what customers have paid in advance."
    )
    transfer_account = account_column("Cash on its way to or from the safe or the bank.")
    paid_in_account = account_column("Cash paid in.")
    paid_out_account = account_column("Cash paid out, such as expenses.")
    over_short_account = account_column("Differences of counts.", "account for cash over and short")
    rounding_account = account_column("Rounding of cash.")
    credit_issue_account = account_column(
        "The contra account of store credits that managers issue without a refund.",
        "account for issued store credits",
    )

    class Meta(TenantOwned.Meta):
        verbose_name = "bookkeeping profile"
        verbose_name_plural = "bookkeeping profiles"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["tenant", "store"], name="bookkeeping_profile_store_is_unique"
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["tenant", "updated_at", "id"], name="bookkeeping_profile_updated"),
        ]

    def __str__(self) -> str:
        return f"Consultant {self.consultant_number}, client {self.client_number}"

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        """Raise `Invalid` for numbers and accounts that DATEV would refuse."""
        if errors := tuple(self._find_errors()):
            raise Invalid(errors=errors)
        super().full_clean(*args, **kwargs)

    def _find_errors(self) -> Iterator[FieldError]:
        for name, (least, most) in RANGES.items():
            if not least <= getattr(self, name) <= most:
                yield FieldError(name, "invalid", f"Must be from {least} to {most}.")
        for name in ACCOUNTS:
            yield from self._check_account(name, getattr(self, name))
        yield from self._check_revenue()
        yield from self._check_unshared()

    def _check_revenue(self) -> Iterator[FieldError]:
        percents = [row["percent"] for row in self.revenue_accounts]
        for number, row in enumerate(self.revenue_accounts):
            field = f"revenue_accounts[{number}]"
            yield from self._check_account(f"{field}.account", row["account"])
            key = row["tax_key"]
            if key and not (key.isascii() and key.isdigit()):
                yield FieldError(f"{field}.tax_key", "invalid", "Enter up to four digits.")
            if row["percent"] in percents[:number]:
                detail = "This percentage has an account already."
                yield FieldError(f"{field}.percent", "duplicate", detail)

    def _check_account(self, field: str, account: str) -> Iterator[FieldError]:
        is_number = account.isascii() and account.isdigit() and account[0] != "0"
        if account and not (is_number and len(account) <= self.account_length):
            detail = (
                f"Enter a number of at most {self.account_length} digits without leading zeros."
            )
            yield FieldError(field, "invalid_account", detail)

    def _check_unshared(self) -> Iterator[FieldError]:
        used = [getattr(self, name) for name in ACCOUNTS]
        used += [row["account"] for row in self.revenue_accounts]
        for name in UNSHARED:
            account = getattr(self, name)
            if account and used.count(account) > 1:
                yield FieldError(name, "account_shared", "Must not be used for anything else.")

    def find_revenue_account(self, percent: str | None) -> tuple[str, str]:
        """Return account and tax key of sales with this percentage, or two blanks."""
        for row in self.revenue_accounts:
            if row["percent"] == percent:
                return row["account"], row["tax_key"]
        return "", ""
