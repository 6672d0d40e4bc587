"""Sales reports over recorded baskets equal the sums of their receipts."""

import csv
import io
from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from zoneinfo import ZoneInfo

import pytest

from orders.models import Order, Refund
from tenants.csv import unescape_formula
from tenants.scope import tenant_context
from tests.support.api import Person
from tests.support.baskets import STORES, Market, get_body

DAYS = {"from": "2026-10-23", "to": "2026-10-27"}
PARTS = ("product", "category", "method", "tax")
GROUPS = ("hour", "day", "cashier", "register", "store", *PARTS)
SALE_AMOUNTS = ("discount_total", "tax_total", "cash_rounding", "total")


class ExpectedReport:
    """Sums of all recorded sales and refunds, added up independently of the reports."""

    def __init__(self, market):
        self.figures = {group: defaultdict(lambda: defaultdict(Decimal)) for group in GROUPS}
        self.counted = set()
        self.total = defaultdict(Decimal)
        orders = Order.objects.filter(pk__in=market.orders).select_related("store")
        for order in orders.prefetch_related("lines__product"):
            self.sale(order)
        refunds = Refund.objects.filter(pk__in=market.refunds).select_related("store")
        for refund in refunds.prefetch_related("lines__line__product", "payouts"):
            self.refund(refund)

    def add(self, group, key, receipt, **figures):
        """Add amounts of a part of a receipt, which counts once in each group."""
        sums = self.figures[group][key]
        for name, value in figures.items():
            sums[name] += Decimal(value)
        if (group, key, receipt.pk) not in self.counted:
            self.counted.add((group, key, receipt.pk))
            sums["orders" if isinstance(receipt, Order) else "refunds"] += 1

    def add_receipt(self, receipt, person, **figures):
        zone, starts = STORES[receipt.store.name.removeprefix("Store ")]
        local = receipt.completed_at.astimezone(ZoneInfo(zone))
        day = local.replace(tzinfo=None) - timedelta(hours=starts.hour)
        keys = {
            "hour": local.replace(minute=0, second=0, microsecond=0).isoformat(timespec="minutes"),
            "day": f"{day:%Y-%m-%d}",
            "cashier": str(person),
            "register": str(receipt.register_id),
            "store": str(receipt.store_id),
        }
        for group, key in keys.items():
            self.add(group, key, receipt, **figures)
        for name, value in figures.items():
            self.total[name] += value
        self.total["orders" if isinstance(receipt, Order) else "refunds"] += 1

    def sale(self, order):
        figures = {name: getattr(order, name) for name in SALE_AMOUNTS}
        self.add_receipt(order, order.cashier_id, gross=order.subtotal, **figures)
        for line in order.lines.all():
            figures = {
                name: getattr(line, name) for name in SALE_AMOUNTS if name != "cash_rounding"
            }
            for group, key in product_groups(line):
                self.add(group, key, order, quantity=line.quantity, gross=line.gross, **figures)
        for payment in order.payments.filter(status="captured"):
            self.add("method", payment.method, order, total=payment.amount)
        rounding = order.cash_rounding
        if rounding:
            self.add("method", "cash", order, cash_rounding=rounding, total=-rounding)
        for tax in order.taxes:
            figures = {"taxable": tax["taxable"], "tax_total": tax["amount"]}
            self.add("tax", rate(tax), order, **figures)

    def refund(self, refund):
        self.add_receipt(
            refund,
            refund.by_id,
            refunded_tax_total=refund.tax_total,
            refunded_total=refund.total,
            cash_rounding=-refund.cash_rounding,
        )
        for line in refund.lines.all():
            figures = {"refunded_tax_total": line.tax_total, "refunded_total": line.total}
            for group, key in product_groups(line.line):
                self.add(group, key, refund, refunded_quantity=line.quantity, **figures)
        for payout in refund.payouts.all():
            rounding = payout.amount - payout.paid
            figures = {"refunded_total": payout.amount, "cash_rounding": rounding}
            self.add("method", payout.method, refund, **figures)
        for tax in refund.taxes:
            figures = {"refunded_taxable": tax["taxable"], "refunded_tax_total": tax["amount"]}
            self.add("tax", rate(tax), refund, **figures)


def product_groups(line):
    product = line.product
    return ("product", str(product.pk)), ("category", str(product.category_id or ""))


def rate(tax):
    kind = "included" if tax["included"] else "added"
    return f"{tax['name']} {Decimal(tax['percent']).normalize():f} % {kind}"


def nonzero_amounts(row):
    """Return the amounts other than zero, without net amounts, which follow from the others."""
    numbers = {
        name: Decimal(value)
        for name, value in row.items()
        if value not in {None, ""} and name not in {"key", "label"} and name[:4] != "net_"
    }
    return {name: value for name, value in numbers.items() if value}


def csv_rows(answer):
    """Return the rows of the CSV report as they are in the JSON report."""
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    return [{name: unescape_formula(cell) for name, cell in row.items()} for row in rows]


def as_text(row):
    return {name: "" if value is None else str(value) for name, value in row.items()}


@pytest.fixture
def market(shop, configure_shop, gateway):
    """Yield a market after its trade, in the tenant context but outside of a transaction."""
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"), stock_policy="allow")
    with tenant_context(shop):
        market = Market(shop, gateway)
        market.trade()
        yield market


@pytest.mark.slow
def test_reports_of_recorded_baskets_equal_the_sums_of_their_receipts(market, manager):
    expected, manager_client = ExpectedReport(market), Person(manager)

    def ask(group, **query):
        return manager_client.get("reports/sales/", {"group_by": group, **DAYS, **query})

    reports = {group: get_body(ask(group)) for group in GROUPS}

    for group, report in reports.items():
        found = {row["key"]: nonzero_amounts(row) for row in report["rows"]}
        assert found == {
            key: nonzero_amounts(sums) for key, sums in expected.figures[group].items()
        }
        assert (
            nonzero_amounts(report["total"]).items() >= nonzero_amounts(expected.total).items()
        ), group
        assert csv_rows(ask(group, format="csv")) == [as_text(row) for row in report["rows"]]
    ensure_receipts_agree(market, manager_client, reports["day"]["total"])
    ensure_z_reports_agree(market, reports)
    ensure_filtered_reports_add_up(market, ask, reports["register"])
    # The data covers every method, day, time zone offset and kind of amount.
    assert len(reports["method"]["rows"]) == 4
    assert len(reports["day"]["rows"]) == 3
    offsets = {row["key"][16:] for row in reports["hour"]["rows"]}
    assert offsets == {"+00:00", "+01:00", "+02:00", "+05:45"}
    kinds = ("refunds", "cash_rounding", "discount_total", "tax_total", "refunded_tax_total")
    assert all(nonzero_amounts(reports["day"]["total"])[name] for name in kinds)


def ensure_receipts_agree(market, manager_client, total):
    """Assert that the totals printed on the receipts add up to the report."""
    for path, pks, total_name in (
        ("orders", market.orders, "total"),
        ("refunds", market.refunds, "refunded_total"),
    ):
        receipts = [
            get_body(manager_client.get(f"{path}/{pk}/receipt/", {"format": "json"})) for pk in pks
        ]
        totals = [row["amount"] for each in receipts for row in each["totals"] if row["is_strong"]]
        assert len(totals) == len(pks)
        assert sum(map(Decimal, totals)) == Decimal(total[total_name])


def ensure_z_reports_agree(market, reports):
    """Assert that Z reports and sales reports agree by method and by register."""
    by_method, by_register, tax = defaultdict(Decimal), {}, Decimal(0)
    for z in market.zs:
        for row in z["payments"]:
            net = Decimal(row["amount"]) - Decimal(row["canceled"]) - Decimal(row["refunded"])
            by_method[row["method"]] += net
        sales, refunds = ({k: Decimal(v) for k, v in z[of].items()} for of in ("sales", "refunds"))
        by_register[z["register"]] = (
            (sales["count"], sales["total"], refunds["count"], refunds["total"]),
            sales["cash_rounding"] - refunds["cash_rounding"],
        )
        tax += sum(Decimal(each["amount"]) for each in z["taxes"])
    assert {row["key"]: Decimal(row["net_total"]) for row in reports["method"]["rows"]} == by_method
    names = ("orders", "total", "refunds", "refunded_total")
    assert {
        row["key"]: (
            tuple(Decimal(row[name]) for name in names),
            Decimal(row["cash_rounding"]),
        )
        for row in reports["register"]["rows"]
    } == by_register
    assert {Decimal(report["total"]["net_tax_total"]) for report in reports.values()} == {tax}
    net = {Decimal(report["total"]["net_total"]) for report in reports.values()}
    assert net == {sum(by_method.values())}


def ensure_filtered_reports_add_up(market, ask, by_register):
    """Assert that reports by store and by day add up to the whole."""
    stores = [get_body(ask("register", store=str(pk.pk)))["rows"] for pk in market.stores.values()]
    assert sorted(chain(*stores), key=itemgetter("label")) == by_register["rows"]
    days = get_body(ask("day"))["rows"]
    for row in days:
        day = get_body(ask("cashier", **{"from": row["key"], "to": row["key"]}))
        assert nonzero_amounts(day["total"]) == nonzero_amounts(row)
