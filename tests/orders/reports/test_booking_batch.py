"""The bookkeeper's month: tables, cash book and booking batch agree with Z reports and reports."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
import time_machine

from orders.models import StoreCredit
from tenants.models import Store, Tenant
from tenants.scope import tenant_scope
from tests.factories.bookkeeping_profile import ACCOUNTS, BookkeepingProfileFactory
from tests.factories.orders import ProductFactory, TaxClassFactory
from tests.factories.tenants import RegisterFactory
from tests.support.api import Person
from tests.support.datev import read_batch
from tests.support.month_figures import (
    ZFigures,
    assert_cash_book,
    assert_payments,
    assert_revenue,
    assert_taxes,
)
from tests.support.random_month import RandomMonth, berlin
from tests.support.reports import fetch_report

REPORT = "reports/bookkeeping/"
AFTER = datetime(2026, 11, 20, 12, tzinfo=UTC)
# The first and the last moments of the business month, a night and the change of clocks.
OPENINGS = [
    berlin("2026-10-01", "04:00:01", 2),
    berlin("2026-10-01", "09:00", 2),
    berlin("2026-10-02", "23:30", 2),
    berlin("2026-10-11", "10:00", 2),
    berlin("2026-10-24", "22:00", 2),
    berlin("2026-10-25", "08:00", 1),
    berlin("2026-10-31", "15:00", 1),
    berlin("2026-10-31", "20:00", 1),
]


@pytest.fixture
def profile(store, shop):
    return BookkeepingProfileFactory(tenant=shop, store=store)


@pytest.fixture
def goods(shop):
    classes = {
        percent: TaxClassFactory(
            tenant=shop,
            rates=[{"name": "VAT", "percent": percent, "included": True, "compound": False}],
        )
        for percent in ("19", "7")
    }
    untaxed = TaxClassFactory(tenant=shop, rates=[])
    deposit = ProductFactory(
        tenant=shop, price=Decimal("0.25"), tax_class=classes["19"], track_stock=False
    )
    return [
        ProductFactory(
            tenant=shop, price=Decimal(price), tax_class=taxes, track_stock=False, **more
        )
        for price, taxes, more in (
            ("2.99", classes["19"], {"deposit": deposit}),
            ("0.99", classes["7"], {}),
            ("11.11", classes["19"], {}),
            ("3.33", classes["7"], {}),
            ("5.00", untaxed, {}),
        )
    ]


@pytest.fixture
def empty(shop):
    return ProductFactory(
        tenant=shop, price=Decimal("0.25"), tax_class=None, track_stock=False, returnable=True
    )


def fetch(person, store, **query):
    answer = person.get(REPORT, {"store": str(store.pk), "month": "2026-10", **query})
    assert answer.status_code == 200, answer.content
    return answer


def run_month(seed, shop, store, admin, goods, empty):
    """Make a random month, also before and after it; return its Z reports and issued credits."""
    step = Decimal("0.05") if seed % 2 else Decimal("0.01")
    with tenant_scope(shop):
        Tenant.objects.filter(pk=shop.pk).update(
            shifts_required=True, cash_rounding_increment=step if seed % 2 else None
        )
        Store.objects.filter(pk=store.pk).update(day_starts_at=time(4))
    registers = [RegisterFactory(tenant=shop, store=store, number=n) for n in (1, 2)]
    month = RandomMonth(seed, admin, registers, goods, empty, step)
    # Not in the month: before four in the morning it is still the day before.
    month.run_shift(berlin("2026-10-01", "00:00", 2), registers[0], 3)
    before = sum_credits(shop)
    zs = ZFigures.load(shop, month.run(OPENINGS, actions=9))
    credits_issued = sum_credits(shop) - before
    month.run_shift(berlin("2026-11-01", "04:00", 1), registers[1], 3)
    return zs, credits_issued


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_month_balances_to_the_cent(seed, shop, store, admin, profile, goods, empty):
    zs, credits_issued = run_month(seed, shop, store, admin, goods, empty)

    with time_machine.travel(AFTER):
        person = Person(admin)
        tables = fetch(person, store).json()
        batch = read_batch(fetch(person, store, format="datev").content)
        archive = fetch(person, store, format="zip").content
        days = {"from": "2026-10-01", "to": "2026-10-31", "store": str(store.pk)}
        by_day, by_tax, by_method = (
            fetch_report(person, group_by=group, **days) for group in ("day", "tax", "method")
        )

    assert (batch.first, batch.last) == (date(2026, 10, 1), date(2026, 10, 31))
    assert_revenue(batch, tables, by_day)
    assert_taxes(tables, by_tax)
    assert_payments(batch, zs, by_method)
    assert_cash_book(batch, zs, tables)
    assert -batch.sum_accounts()[ACCOUNTS["store_credit_account"]] == credits_issued
    assert len(tables["z_reports"]) == len(OPENINGS)
    refunded = sum((Decimal(row["total"]) for row in tables["refunds"]), Decimal(0))
    assert refunded == Decimal(by_day["total"]["refunded_total"])
    assert read_archive(archive) == {
        name: [["" if cell is None else str(cell) for cell in row.values()] for row in rows]
        for name, rows in tables.items()
        if isinstance(rows, list)
    }


def sum_credits(shop):
    with tenant_scope(shop):
        return sum(StoreCredit.objects.values_list("balance", flat=True), Decimal(0))


def read_archive(content):
    """Return the cells of each file of the archive, without the apostrophes before formulas."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    found = {}
    for name in archive.namelist():
        _, *rows = csv.reader(io.StringIO(archive.read(name).decode("utf-8"), newline=""))
        found[name.removesuffix(".csv").replace("-", "_")] = [
            [cell.removeprefix("'") for cell in row] for row in rows
        ]
    return found
