"""The bookkeeper's month: its tables, the file for DATEV, and what is refused."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.bookkeeping_profile import BookkeepingProfileFactory
from tests.factories.orders import ProductFactory, TaxClassFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.datev import read_batch
from tests.support.discovery import snapshot_owned_rows
from tests.support.refunds import create_refund
from tests.support.service_keys import KeyClient, create_key
from tests.support.shifts import close_shift, open_shift, record_movement
from tests.support.till import Till, card, cash, line

REPORT = "reports/bookkeeping/"
NOW = datetime(2026, 3, 31, 20, 0, tzinfo=UTC)
MONTH = "2026-03"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def profile(store, shop):
    return BookkeepingProfileFactory(tenant=shop, store=store)


@pytest.fixture
def month(managers_till, make_product):
    """Create a shift with a sale, a refund, an expense and a difference."""
    product = make_product("11.90")
    shift = open_shift(managers_till, "50.00")
    order = managers_till.sold(line(product, "2"), payments=[cash("11.90"), card("11.90")])
    lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
    create_refund(managers_till, order, lines=lines, method="cash", reason="=Broken")
    record_movement(managers_till, shift, "paid_out", "3.00", reason='Milk "fresh"; 2 → €')
    assert close_shift(managers_till, shift, "46.00").status_code == 200
    return managers_till


def fetch(person, store, **query):
    return person.get(REPORT, {"store": str(getattr(store, "pk", store)), "month": MONTH, **query})


def pick(rows, *names):
    return [tuple(row[name] for name in names) for row in rows]


def test_tables_of_a_month(month, store, register):
    tables = fetch(month, store).json()

    assert (tables["month"], tables["currency"]) == (MONTH, "EUR")
    assert pick(tables["sales"], "day", "tax", "sold", "sold_tax", "refunded", "refunded_tax") == [
        ("2026-03-31", "VAT 19 %", "23.80", "3.80", "11.90", "1.90")
    ]
    assert pick(tables["taxes"], "tax", "taxable", "refunded_taxable") == [
        ("VAT 19 % (included)", "20.00", "10.00")
    ]
    assert pick(tables["payments"], "method", "received", "returned", "refunded", "net") == [
        ("Card", "11.90", "0.00", "0.00", "11.90"),
        ("Cash", "11.90", "0.00", "11.90", "0.00"),
    ]
    assert sorted(pick(tables["cash_book"], "kind", "cash_in", "cash_out")) == [
        ("closing", "0.00", "0.00"),
        ("difference", "0.00", "1.00"),
        ("float", "50.00", "0.00"),
        ("opening", "0.00", "0.00"),
        ("paid_out", "0.00", "3.00"),
        ("received", "11.90", "0.00"),
        ("refunded", "0.00", "11.90"),
    ]
    assert (tables["opening_cash"], tables["closing_cash"]) == ("0.00", "46.00")
    assert pick(tables["z_reports"], "register", "z_number", "sales", "difference") == [
        ("Till 1", 1, "23.80", "-1.00")
    ]
    assert pick(tables["refunds"], "receipt", "reason", "total") == [(2, "=Broken", "11.90")]
    assert tables["store_credits"] == []


def test_booking_batch_of_a_month(month, store, profile):
    answer = fetch(month, store, format="datev")

    assert answer["Content-Type"] == "text/csv; charset=windows-1252"
    name = "EXTF_Buchungsstapel_green_2026-03.csv"
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    header, columns, *bookings = answer.content.decode("cp1252").split("\r\n")
    assert header == (
        '"EXTF";700;21;"Buchungsstapel";13;20260331220000000;;"TI";"";"";29098;55003;20260101;4;'
        '20260301;20260331;"Kasse 2026-03 Main";"";1;0;0;"EUR";;"";;;"03";;;"";""'
    )
    assert columns.startswith("Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;")
    assert columns.endswith(";EU-Steuersatz (Ursprung);Abw. Skontokonto")
    rest = ";" * 111
    assert [booking.removesuffix(rest) for booking in bookings] == [
        f'{amount};"{side}";"EUR";;;;{account};{contra};;3103;"{document}";;;"{text}"'
        for amount, side, account, contra, document, text in (
            ("23,80", "S", 1590, 8400, "T20260331", "Umsatz 19 %"),
            ("11,90", "H", 1590, 8400, "T20260331", "Erstattung 19 %"),
            ("11,90", "S", 1361, 1590, "T20260331", "Zahlung Karte"),
            ("11,90", "S", 1000, 1590, "T20260331", "Zahlung Bar"),
            ("11,90", "H", 1000, 1590, "T20260331", "Rückzahlung Bar"),
            ("50,00", "S", 1000, 1360, "T20260331", "Wechselgeld Till 1"),
            ("3,00", "H", 1000, 4900, "T20260331", 'Auszahlung Milk ""fresh""; 2 ? €'),
            ("1,00", "H", 1000, 2300, "Z1", "Differenz Bar Till 1"),
        )
    ] + [""]


@pytest.mark.parametrize(
    ("begins", "expected"), [(1, "20260101"), (3, "20260301"), (4, "20250401"), (12, "20251201")]
)
def test_fiscal_year_contains_the_month(begins, expected, month, store, shop):
    BookkeepingProfileFactory(tenant=shop, store=store, fiscal_year_month=begins)

    assert read_batch(fetch(month, store, format="datev").content).header[12] == expected


def test_tax_key_is_written(month, store, shop):
    keyed = [{"percent": "19", "account": "8000", "tax_key": "3"}]
    BookkeepingProfileFactory(tenant=shop, store=store, revenue_accounts=keyed)

    batch = read_batch(fetch(month, store, format="datev").content)

    keys = {booking.contra_account: booking.tax_key for booking in batch.bookings}
    assert (keys["8000"], keys["1590"]) == ("0003", "")


def test_missing_accounts_are_named(month, store, shop, problem):
    BookkeepingProfileFactory(
        tenant=shop, store=store, card_account="", over_short_account="", revenue_accounts=[]
    )
    before = snapshot_owned_rows()

    answer = problem(fetch(month, store, format="datev"), 409, "bookkeeping_accounts_missing")

    assert answer["missing"] == ["card_account", "over_short_account", "revenue_accounts 19"]
    assert answer["detail"] == (
        "The bookkeeping profile of Main lacks: card account, account for cash over and short, "
        "revenue of 19 %. "
        "Enter them, then export again."
    )
    assert snapshot_owned_rows() == before
    assert fetch(month, store, format="zip").status_code == 200


def test_accounts_that_a_month_does_not_need_may_be_missing(month, store, shop):
    BookkeepingProfileFactory(tenant=shop, store=store, voucher_account="", rounding_account="")

    assert fetch(month, store, format="datev").status_code == 200


def test_store_without_profile_has_no_booking_batch(month, store, shop, problem):
    BookkeepingProfileFactory(tenant=shop)

    problem(fetch(month, store, format="datev"), 409, "bookkeeping_profile_missing")
    assert fetch(month, store).status_code == 200


def test_other_currency_has_no_booking_batch(month, store, profile, shop, problem):
    with tenant_scope(shop):
        Tenant.objects.filter(pk=shop.pk).update(currency="CHF")

    answer = problem(fetch(month, store, format="datev"), 409, "not_in_euro")

    assert answer["currency"] == "CHF"
    assert fetch(month, store, format="zip").status_code == 200


def test_goods_with_several_taxes_have_no_booking_batch(managers_till, store, shop, problem):
    BookkeepingProfileFactory(tenant=shop, store=store)
    rates = [
        {"name": name, "percent": percent, "included": True, "compound": False}
        for name, percent in (("State", "10"), ("City", "5"))
    ]
    product = ProductFactory(
        tenant=shop, price=Decimal("11.50"), tax_class=TaxClassFactory(tenant=shop, rates=rates)
    )
    with tenant_scope(shop):
        type(product).objects.filter(pk=product.pk).update(track_stock=False)
    managers_till.sold(line(product), payments=[cash("11.50")])

    problem(fetch(managers_till, store, format="datev"), 409, "several_taxes_per_line")

    tables = fetch(managers_till, store).json()
    assert pick(tables["sales"], "tax", "sold", "sold_net", "sold_tax") == [
        ("State 10 % + City 5 %", "11.50", "10.00", "1.50")
    ]
    assert pick(tables["taxes"], "tax", "tax_total") == [
        ("City 5 % (included)", "0.50"),
        ("State 10 % (included)", "1.00"),
    ]


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"month": ""}, "month", "invalid"),
        ({"month": "2026-13"}, "month", "invalid"),
        ({"month": "2026-03-01"}, "month", "invalid"),
        ({"month": "2026-04"}, "month", "in_the_future"),
        ({"month": "0001-01"}, "month", "out_of_range"),
        ({"format": "pdf"}, "format", "invalid_choice"),
        ({"store": "x"}, "store", "invalid"),
    ],
)
def test_invalid_query_is_refused(query, field, code, manager_client, store):
    answer = fetch(manager_client, query.pop("store", store), **query)

    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]


def test_other_stores_and_other_shops_are_not_in_it(
    month, shop, store, other_shop, manager_client, problem
):
    other = RegisterFactory(tenant=shop, store=StoreFactory(tenant=shop, name="Annex"))
    untracked = ProductFactory(tenant=shop, track_stock=False)
    till = Till(month.user, other)
    open_shift(till, "20.00")
    till.sold(line(untracked), payments=[cash("2.50")])

    annex = fetch(month, other.store).json()
    theirs = StoreFactory(tenant=other_shop)

    assert annex["closing_cash"] == "22.50"
    assert fetch(month, store).json()["closing_cash"] == "46.00"
    answer = fetch(manager_client, theirs)
    assert [each["code"] for each in answer.json()["errors"]] == ["does_not_exist"]


def test_key_of_another_store_does_not_get_the_month(month, shop, store, admin, problem):
    keys = [
        KeyClient(create_key(shop, admin, "reports:read", stores=[at]))
        for at in (store, StoreFactory(tenant=shop))
    ]

    assert fetch(keys[0], store).json()["closing_cash"] == "46.00"
    problem(fetch(keys[1], store), 403, "permission_denied")


def test_drawer_that_is_open_over_the_end_of_the_month_goes_on(clock, manager, register, store):
    till = Till(manager, register)
    product = ProductFactory(tenant=store.tenant, track_stock=False, price=Decimal("10.00"))
    shift = open_shift(till, "50.00")
    till.sold(line(product), payments=[cash("10.00")])
    clock.move_to(datetime(2026, 4, 1, 8, tzinfo=UTC))
    till = Till(manager, register)
    till.sold(line(product), payments=[cash("10.00")])
    record_movement(till, shift, "drop", "30.00")
    assert close_shift(till, shift, "40.00").status_code == 200
    clock.move_to(datetime(2026, 4, 30, 8, tzinfo=UTC))
    till = Till(manager, register)
    open_shift(till, "25.00")

    march, april = (fetch(till, store, month=month).json() for month in ("2026-03", "2026-04"))

    assert (march["opening_cash"], march["closing_cash"]) == ("0.00", "60.00")
    assert (april["opening_cash"], april["closing_cash"]) == ("60.00", "25.00")
    assert pick(april["cash_book"], "kind", "cash_in", "cash_out", "balance")[1:-1] == [
        ("received", "10.00", "0.00", "70.00"),
        ("drop", "0.00", "30.00", "40.00"),
        ("float", "0.00", "15.00", "25.00"),
    ]
    clock.move_to(datetime(2026, 5, 1, 8, tzinfo=UTC))
    may = fetch(Person(manager), store, month="2026-05").json()
    assert (may["opening_cash"], may["closing_cash"]) == ("25.00", "25.00")


def test_statements_do_not_grow_with_the_month(month, manager_client, store, profile, make_product):
    def count():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert fetch(manager_client, store, format="datev").status_code == 200
        return len(captured)

    fetch(manager_client, store)
    before = count()
    product = make_product("1.00")
    shift = open_shift(month, "46.00")
    for _ in range(3):
        month.sold(line(product), payments=[cash("1.00")])
        record_movement(month, shift, "paid_in", "1.00")
    assert close_shift(month, shift, "52.00").status_code == 200

    assert count() == before
