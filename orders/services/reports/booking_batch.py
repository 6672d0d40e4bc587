"""The bookkeeper's month as bookings, in double entry, with the accounts of the store.

Sales are booked on the clearing account against revenue, payments on the account of their method
against clearing. So the account of cash has the bookings of the cash book, and the balance of
clearing is what customers have paid for orders that are not completed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import timezone

from orders.exceptions import (
    BookkeepingAccountsMissing,
    BookkeepingProfileMissing,
    NotInEuro,
    SeveralTaxesPerLine,
)
from orders.models import BookkeepingProfile
from orders.models.bookkeeping_profile import METHOD_ACCOUNTS
from orders.services.reports.bookkeeping import CashEntry, LineTax, Month
from orders.services.reports.datev import BatchHeader, Booking, write_batch
from tenants.models import Store
from tenants.scope import current_tenant

EURO = "EUR"
CONTENT_TYPE = "text/csv; charset=windows-1252"
# The texts are German because the format is.
METHOD_TEXTS = {
    "cash": "Bar",
    "card": "Karte",
    "voucher": "Gutschein",
    "store_credit": "Guthaben",
    "other": "Sonstige",
}
# The contra account and the text of what moves cash without a sale.
MOVEMENTS = {
    "paid_in": ("paid_in_account", "Einlage"),
    "paid_out": ("paid_out_account", "Auszahlung"),
    "drop": ("transfer_account", "Abschöpfung"),
    "float": ("transfer_account", "Wechselgeld"),
}


@dataclass(slots=True)
class Accounts:
    """The accounts of a profile; those that were needed but are not set are collected."""

    profile: BookkeepingProfile
    missing: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> str:
        account: str = getattr(self.profile, name)
        if not account:
            column: Any = BookkeepingProfile._meta.get_field(name)
            self.missing[name] = str(column.verbose_name)
        return account

    def find_revenue(self, tax: LineTax) -> tuple[str, str]:
        """Return account and tax key of what was sold with this tax."""
        if tax.is_several:
            raise SeveralTaxesPerLine(taxes=tax.label)
        percent = tax.percent or None
        account, key = self.profile.find_revenue_account(percent)
        if not account:
            name = f"{percent} %" if percent else "goods without tax"
            self.missing[f"revenue_accounts {percent or 'null'}"] = f"revenue of {name}"
        return account, key


def find_profile(store: Store) -> BookkeepingProfile:
    """Return the bookkeeping profile of a store. Raises `BookkeepingProfileMissing`."""
    profile = BookkeepingProfile.objects.filter(store=store).first()
    if profile is None:
        raise BookkeepingProfileMissing(store=store.name)
    return profile


def ensure_exportable() -> None:
    """Raise `NotInEuro` unless the shop has the currency of the format."""
    currency = current_tenant().currency
    if currency != EURO:
        raise NotInEuro(currency=currency)


def build_batch(month: Month) -> bytes:
    """Return the booking batch of a month as a file of DATEV.

    Raises `NotInEuro`, `BookkeepingProfileMissing`, `BookkeepingAccountsMissing` with what is not
    set, and `SeveralTaxesPerLine`.
    """
    ensure_exportable()
    profile = find_profile(month.store)
    bookings = list_bookings(month, profile)
    return write_batch(build_header(month, profile), bookings)


def build_header(month: Month, profile: BookkeepingProfile) -> BatchHeader:
    year = month.first.year - (month.first.month < profile.fiscal_year_month)
    return BatchHeader(
        consultant=profile.consultant_number,
        client=profile.client_number,
        fiscal_year=date(year, profile.fiscal_year_month, 1),
        account_length=profile.account_length,
        first=month.first,
        last=month.last,
        description=f"Kasse {month.first:%Y-%m} {month.store.name}",
        created_at=timezone.localtime(timezone=month.store.clock),
        chart=profile.chart,
    )


def list_bookings(month: Month, profile: BookkeepingProfile) -> list[Booking]:
    """Return the bookings of the month by day. Raises `BookkeepingAccountsMissing`."""
    accounts = Accounts(profile)
    bookings = [
        booking
        for part in (book_sales, book_payments, book_cash, book_differences, book_credits)
        for booking in part(month, accounts)
    ]
    if accounts.missing:
        raise BookkeepingAccountsMissing(
            store=month.store.name,
            missing=sorted(accounts.missing),
            names=", ".join(accounts.missing[name] for name in sorted(accounts.missing)),
        )
    return sorted(bookings, key=lambda booking: booking.day)


def book_sales(month: Month, accounts: Accounts) -> Iterator[Booking]:
    """Book what was sold and refunded by day and tax, and the rounding of cash."""
    for (day, tax), totals in sorted(month.sales.items()):
        name = f"{tax.percent} %".replace(".", ",") if tax.percent else "ohne Steuer"
        for amount, text in ((totals.sold, "Umsatz"), (-totals.refunded, "Erstattung")):
            if amount:
                revenue, key = accounts.find_revenue(tax)
                clearing = accounts.find("clearing_account")
                yield Booking(day, clearing, revenue, amount, mark(day), f"{text} {name}", key)
    for day, amount in sorted(month.rounding.items()):
        if amount:
            clearing, rounding = map(accounts.find, ("clearing_account", "rounding_account"))
            yield Booking(day, clearing, rounding, amount, mark(day), "Barrundung")


def book_payments(month: Month, accounts: Accounts) -> Iterator[Booking]:
    for (day, method), totals in sorted(month.payments.items()):
        for amount, text in (
            (totals.received, "Zahlung"),
            (-totals.returned, "Storno Zahlung"),
            (-totals.refunded, "Rückzahlung"),
        ):
            if amount:
                names = (METHOD_ACCOUNTS[method], "clearing_account")
                account, clearing = map(accounts.find, names)
                named = f"{text} {METHOD_TEXTS[method]}"
                yield Booking(day, account, clearing, amount, mark(day), named)


def book_cash(month: Month, accounts: Accounts) -> Iterator[Booking]:
    """Book what came into or out of drawers without a sale; differences are booked elsewhere."""
    for entry in list_movements(month.cash_book):
        account, text = MOVEMENTS[entry.kind]
        text = f"{text} {entry.text or entry.register}"
        names = ("cash_account", account)
        cash, contra = map(accounts.find, names)
        yield Booking(entry.day, cash, contra, entry.amount, mark(entry.day), text)


def list_movements(cash_book: Iterable[CashEntry]) -> Iterator[CashEntry]:
    return (entry for entry in cash_book if entry.kind in MOVEMENTS)


def book_differences(month: Month, accounts: Accounts) -> Iterator[Booking]:
    for each in month.differences:
        account = accounts.find(METHOD_ACCOUNTS[each.method])
        contra = accounts.find("over_short_account")
        text = f"Differenz {METHOD_TEXTS[each.method]} {each.register}"
        yield Booking(each.day, account, contra, each.amount, f"Z{each.z_number}", text)


def book_credits(month: Month, accounts: Accounts) -> Iterator[Booking]:
    for day, amount in sorted(month.credits_issued.items()):
        names = ("store_credit_account", "credit_issue_account")
        account, contra = map(accounts.find, names)
        yield Booking(day, account, contra, -amount, mark(day), "Guthaben ausgegeben")


def mark(day: date) -> str:
    """Return the document of a day's bookings."""
    return f"T{day:%Y%m%d}"


def build_file_name(month: Month) -> str:
    """Return a name as DATEV's programs look for it."""
    tenant: Any = current_tenant()
    return f"EXTF_Buchungsstapel_{tenant.slug}_{month.first:%Y-%m}.csv"
