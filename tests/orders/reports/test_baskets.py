"""Every report of a day of real baskets is what its receipts say, to the cent."""

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
from tests.support.baskets import PLACES, Market, done

DAYS = {"from": "2026-10-23", "to": "2026-10-27"}
PARTS = ("product", "category", "method", "tax")
GROUPS = ("hour", "day", "cashier", "register", "store", *PARTS)
OF_SALES = ("discount_total", "tax_total", "cash_rounding", "total")


class Books:
    """Added up by hand from every sale and refund that the tills were told of."""

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
        """Figures of a part of a receipt, which counts once in each group."""
        sums = self.figures[group][key]
        for name, value in figures.items():
            sums[name] += Decimal(value)
        if (group, key, receipt.pk) not in self.counted:
            self.counted.add((group, key, receipt.pk))
            sums["orders" if isinstance(receipt, Order) else "refunds"] += 1

    def whole(self, receipt, person, **figures):
        zone, starts = PLACES[receipt.store.name.removeprefix("Store ")]
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
        figures = {name: getattr(order, name) for name in OF_SALES}
        self.whole(order, order.cashier_id, gross=order.subtotal, **figures)
        for line in order.lines.all():
            figures = {name: getattr(line, name) for name in OF_SALES if name != "cash_rounding"}
            for group, key in make_product(line):
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
        self.whole(
            refund,
            refund.by_id,
            refunded_tax_total=refund.tax_total,
            refunded_total=refund.total,
            cash_rounding=-refund.cash_rounding,
        )
        for line in refund.lines.all():
            figures = {"refunded_tax_total": line.tax_total, "refunded_total": line.total}
            for group, key in make_product(line.line):
                self.add(group, key, refund, refunded_quantity=line.quantity, **figures)
        for payout in refund.payouts.all():
            rounding = payout.amount - payout.paid
            figures = {"refunded_total": payout.amount, "cash_rounding": rounding}
            self.add("method", payout.method, refund, **figures)
        for tax in refund.taxes:
            figures = {"refunded_taxable": tax["taxable"], "refunded_tax_total": tax["amount"]}
            self.add("tax", rate(tax), refund, **figures)


def make_product(line):
    product = line.product
    return ("product", str(product.pk)), ("category", str(product.category_id or ""))


def rate(tax):
    kind = "included" if tax["included"] else "added"
    return f"{tax['name']} {Decimal(tax['percent']).normalize():f} % {kind}"


def figures_of(row):
    """What is there of them; those that are net follow from the others."""
    numbers = {
        name: Decimal(value)
        for name, value in row.items()
        if value not in {None, ""} and name not in {"key", "label"} and name[:4] != "net_"
    }
    return {name: value for name, value in numbers.items() if value}


def in_table(answer):
    """The rows of the CSV, as the JSON has them."""
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    return [{name: unescape_formula(cell) for name, cell in row.items()} for row in rows]


def as_text(row):
    return {name: "" if value is None else str(value) for name, value in row.items()}


@pytest.fixture
def market(shop, configure_shop, gateway):
    """Trade in the shop's context, but in no transaction: codes are counted outside of one."""
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"), stock_policy="allow")
    with tenant_context(shop):
        market = Market(shop, gateway)
        market.trade()
        yield market


def test_reports_of_real_baskets_are_their_receipts_to_the_cent(market, manager):
    books, reader = Books(market), Person(manager)

    def ask(group, **query):
        return reader.get("reports/sales/", {"group_by": group, **DAYS, **query})

    reports = {group: done(ask(group)) for group in GROUPS}

    for group, report in reports.items():
        found = {row["key"]: figures_of(row) for row in report["rows"]}
        assert found == {key: figures_of(sums) for key, sums in books.figures[group].items()}
        assert figures_of(report["total"]).items() >= figures_of(books.total).items(), group
        assert in_table(ask(group, format="csv")) == [as_text(row) for row in report["rows"]]
    ensure_papers_say_so(market, reader, reports["day"]["total"])
    ensure_zs_say_so(market, reports)
    ensure_parts_are_the_whole(market, ask, reports["register"])
    # There was something of everything that there is.
    assert len(reports["method"]["rows"]) == 4
    assert len(reports["day"]["rows"]) == 3
    offsets = {row["key"][16:] for row in reports["hour"]["rows"]}
    assert offsets == {"+00:00", "+01:00", "+02:00", "+05:45"}
    kinds = ("refunds", "cash_rounding", "discount_total", "tax_total", "refunded_tax_total")
    assert all(figures_of(reports["day"]["total"])[name] for name in kinds)


def ensure_papers_say_so(market, reader, total):
    """What stands in bold on the papers that customers took with them."""
    for path, pks, figure in (
        ("orders", market.orders, "total"),
        ("refunds", market.refunds, "refunded_total"),
    ):
        papers = [done(reader.get(f"{path}/{pk}/receipt/", {"format": "json"})) for pk in pks]
        bold = [row["amount"] for each in papers for row in each["totals"] if row["is_strong"]]
        assert len(bold) == len(pks)
        assert sum(map(Decimal, bold)) == Decimal(total[figure])


def ensure_zs_say_so(market, reports):
    """By method and by register, what was counted in the evening."""
    by_method, by_register, tax = defaultdict(Decimal), {}, Decimal(0)
    for z in market.zs:
        for row in z["payments"]:
            left = Decimal(row["amount"]) - Decimal(row["canceled"]) - Decimal(row["refunded"])
            by_method[row["method"]] += left
        sales, back = ({k: Decimal(v) for k, v in z[of].items()} for of in ("sales", "refunds"))
        by_register[z["register"]] = (
            (sales["count"], sales["total"], back["count"], back["total"]),
            sales["cash_rounding"] - back["cash_rounding"],
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


def ensure_parts_are_the_whole(market, ask, by_register):
    """Store by store and day by day it is the same."""
    stores = [done(ask("register", store=str(pk.pk)))["rows"] for pk in market.stores.values()]
    assert sorted(chain(*stores), key=itemgetter("label")) == by_register["rows"]
    days = done(ask("day"))["rows"]
    for row in days:
        day = done(ask("cashier", **{"from": row["key"], "to": row["key"]}))
        assert figures_of(day["total"]) == figures_of(row)
