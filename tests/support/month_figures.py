"""What Z reports and reports say about a month, to compare the bookkeeper's month with."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from orders.models import Shift
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.bookkeeping_profile import ACCOUNTS
from tests.support.datev import ReadBatch
from tests.support.till import Body

ZERO = Decimal(0)
REVENUE = {"VAT 19 %": "8400", "VAT 7 %": "8300", "No tax": "8200"}
Sums = dict[str, Decimal]


def sum_figures(figures: Iterable[tuple[str, Any]]) -> Sums:
    sums: Sums = defaultdict(Decimal)
    for name, value in figures:
        sums[name] += Decimal(value)
    return sums


def sum_columns(rows: list[Body], label: str, *names: str) -> dict[str, Sums]:
    """Return the sums of these columns by the label of the rows."""
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(Decimal))
    for row in rows:
        for name in names:
            sums[row[label]][name] += Decimal(row[name])
    return sums


@dataclass
class ZFigures:
    """The sums of the Z reports of a month."""

    zs: list[Body]

    @classmethod
    def load(cls, shop: Tenant, shifts: list[Body]) -> "ZFigures":
        with tenant_scope(shop):
            return cls([Shift.objects.get(pk=shift["id"]).z_report or {} for shift in shifts])

    def sum(self, list_figures: Callable[[Body], Iterable[tuple[str, Any]]]) -> Sums:
        return sum_figures(figure for z in self.zs for figure in list_figures(z))

    @property
    def differences(self) -> Sums:
        return self.sum(lambda z: ((row["method"], row["difference"]) for row in z["counted"]))

    @property
    def paid(self) -> Sums:
        """Return payments by method, less those that were returned or refunded."""
        signs = (("amount", 1), ("canceled", -1), ("refunded", -1))
        return self.sum(
            lambda z: (
                (row["method"], sign * Decimal(row[name]))
                for row in z["payments"]
                for name, sign in signs
            )
        )

    @property
    def cash(self) -> Sums:
        return self.sum(lambda z: z["cash"].items())

    @property
    def paid_ahead(self) -> Decimal:
        """Return what was paid for later sales, less what was paid before for these."""
        carried = self.sum(lambda z: z["carried"].items())
        return carried["paid_ahead"] - carried["paid_before"]

    @property
    def counted_last(self) -> Decimal:
        """Return the cash that was counted last at each register."""
        counted = {
            z["register"]: Decimal(row["counted"])
            for z in self.zs
            for row in z["counted"]
            if row["method"] == "cash"
        }
        return sum(counted.values(), ZERO)


def assert_revenue(batch: ReadBatch, tables: Body, by_day: Body) -> None:
    """Assert that revenue and rounding are those of the report of each day."""
    revenue: Sums = defaultdict(Decimal)
    for account in REVENUE.values():
        for day, amount in batch.sum_days(account).items():
            revenue[day.isoformat()] -= amount
    rounding = batch.sum_days(ACCOUNTS["rounding_account"])
    for row in by_day["rows"]:
        sold = Decimal(row["total"]) - Decimal(row["refunded_total"])
        assert revenue.pop(row["key"], ZERO) == sold
        assert -rounding.pop(date.fromisoformat(row["key"]), ZERO) == Decimal(row["cash_rounding"])
    assert not any(revenue.values())
    assert not any(rounding.values())
    sums, by_tax = batch.sum_accounts(), sum_columns(tables["sales"], "tax", "sold", "refunded")
    for label, account in REVENUE.items():
        assert -sums[account] == by_tax[label]["sold"] - by_tax[label]["refunded"]


def assert_taxes(tables: Body, by_tax: Body) -> None:
    """Assert that taxes are those of the report by tax."""
    names = ("taxable", "tax_total", "refunded_taxable", "refunded_tax_total")
    taxes = sum_columns(tables["taxes"], "tax", *names)
    sales = sum_columns(tables["sales"], "tax", "sold_tax", "refunded_tax")
    assert by_tax["rows"]
    for row in by_tax["rows"]:
        assert [taxes[row["label"]][name] for name in names] == [
            Decimal(row[each]) for each in names
        ]
        sold = sales[row["label"].removesuffix(" (included)")]
        assert sold["sold_tax"] == Decimal(row["tax_total"])
        assert sold["refunded_tax"] == Decimal(row["refunded_tax_total"])


def assert_payments(batch: ReadBatch, zs: ZFigures, by_method: Body) -> None:
    """Assert that payments, differences and movements are those of the Z reports."""
    sums, paid, differences = batch.sum_accounts(), zs.paid, zs.differences
    for method in ("card", "voucher", "other"):
        assert sums[ACCOUNTS[f"{method}_account"]] == paid[method] + differences[method]
    assert -sums[ACCOUNTS["over_short_account"]] == sum(differences.values())
    assert -sums[ACCOUNTS["clearing_account"]] == zs.paid_ahead
    assert -sums[ACCOUNTS["paid_in_account"]] == zs.cash["paid_in"]
    assert sums[ACCOUNTS["paid_out_account"]] == zs.cash["paid_out"]
    # The report counts payments with their sale.
    reported = sum((Decimal(row["net_total"]) for row in by_method["rows"]), ZERO)
    assert sum(paid.values()) == reported + zs.paid_ahead


def assert_cash_book(batch: ReadBatch, zs: ZFigures, tables: Body) -> None:
    """Assert that the account of cash is the cash book, up to what was counted last."""
    sums, cash = batch.sum_accounts(), zs.cash
    opening, closing = Decimal(tables["opening_cash"]), Decimal(tables["closing_cash"])
    assert sums[ACCOUNTS["cash_account"]] == closing - opening
    assert closing == zs.counted_last
    moved = cash["payments"] - cash["canceled"] - cash["refunds"]
    moved += cash["paid_in"] - cash["paid_out"] + zs.differences["cash"]
    assert closing - opening == moved - sums[ACCOUNTS["transfer_account"]]
    entries = sum_columns(tables["cash_book"], "kind", "cash_in", "cash_out")
    change = sum((each["cash_in"] - each["cash_out"] for each in entries.values()), ZERO)
    assert change == closing - opening
