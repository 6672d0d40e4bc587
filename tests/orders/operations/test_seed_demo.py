"""Demo data: two shops, and a first sale whose printed commands work."""

import re
import shlex
from argparse import ArgumentParser
from collections import Counter
from decimal import Decimal
from io import StringIO
from uuid import UUID

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client

from accounts.models import Role, User
from accounts.services.login import log_in
from accounts.services.sessions import ClientInfo
from orders.management.demo.plan import DemoShop
from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER, HARBOR, SHOPS
from orders.models import (
    CardReader,
    ChainEntry,
    Customer,
    ModifierList,
    Order,
    Payment,
    Price,
    PriceList,
    Product,
    Receipt,
    Refund,
    Shift,
    StockLevel,
    StockMovement,
)
from orders.services.documents.renderers.text import render_text
from orders.services.documents.sale_receipt import build_sale_receipt
from orders.services.shifts.close import ShiftCount, close_shift
from orders.services.verification import verify_chains
from tenants.models import Register, Tenant
from tenants.scope import across_tenants, tenant_scope
from tenants.services import create_tenant

pytestmark = pytest.mark.once

URL = "http://till.example:8000"


def seed(**options) -> str:
    out = StringIO()
    call_command("seed_demo", url=URL, force=True, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def seed_output(db) -> str:
    return seed()


def snapshot_all_rows() -> dict[str, list[object]]:
    """Return every row of the project, to detect any change."""
    with across_tenants():
        return {
            model.__name__: list(model._base_manager.order_by("pk").values())
            for name in ("tenants", "accounts", "orders")
            for model in apps.get_app_config(name).get_models()
        }


@pytest.mark.django_db
def test_seed_demo_without_debug_is_refused():
    with pytest.raises(CommandError, match="DEBUG is off"):
        call_command("seed_demo", stdout=StringIO())

    assert not Tenant.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db
def test_seed_demo_with_debug_needs_no_force(settings):
    settings.DEBUG = True

    call_command("seed_demo", stdout=StringIO())

    assert set(Tenant.objects.values_list("slug", flat=True)) == {"corner", "harbor"}


@pytest.mark.slow
def test_second_seed_demo_changes_nothing_and_prints_the_same_logins(seed_output):
    before = snapshot_all_rows()

    again = seed()

    assert snapshot_all_rows() == before
    assert again == seed_output.replace(": created.", ": already exists, nothing changed.")


def test_seed_demo_does_not_change_another_shop_with_the_same_slug(db):
    create_tenant(slug="corner", name="A real one", currency="EUR")

    with pytest.raises(CommandError, match="another shop"):
        seed()

    assert Tenant.objects.get().name == "A real one"
    with across_tenants():
        assert not Product.objects.exists()


@pytest.mark.slow
def test_every_printed_login_works(seed_output):
    rows = re.findall(r"^(corner|harbor) +(\S+) +(\S+) +(\S+) ", seed_output, re.MULTILINE)

    people = [log_in_as(shop, username, password) for shop, _, username, password in rows]

    assert [role for _, role, _, _ in rows] == ["admin", "manager", "cashier", "cashier"] * 2
    assert [user.role for user in people] == [role for _, role, _, _ in rows]
    assert not any(user.must_change_password for user in people)


@pytest.mark.slow
def test_register_is_printed_first_and_every_printed_pin_works(seed_output):
    rows = re.findall(r"^(corner|harbor) +\S+ +(\S+) +\S+ +(\S+) ", seed_output, re.MULTILINE)

    assert seed_output.startswith(f"The register, in a browser: {URL}/till/\n")
    assert [pin for _, username, pin in rows if username == "admin"] == ["-", "-"]
    for shop, username, pin in rows:
        with tenant_scope(Tenant.objects.get(slug=shop)):
            user = User.objects.get(username=username)
            assert username == "admin" or user.pin.check_digits(pin)


@pytest.mark.slow
def test_changed_pin_is_not_printed(seed_output):
    with tenant_scope(Tenant.objects.get(slug="corner")):
        pin = User.objects.get(username="lena").pin
        pin.set_digits("739105")
        pin.save_changes("digits_hash")

    assert re.search(
        r"^corner +cashier +lena +demo-till-password +\(changed\) ", seed(), re.MULTILINE
    )


@pytest.mark.parametrize("plan", SHOPS, ids=lambda plan: plan.slug)
def test_both_shops_have_every_kind_of_product_and_price(seed_output, plan):
    with tenant_scope(Tenant.objects.get(slug=plan.slug)):
        products = Product.objects.all()
        assert products.filter(cost__gt=0).count() > len(plan.load_products()) // 2
        assert products.filter(external_id__startswith="ERP-").count() == 5
        assert products.filter(parent__isnull=False).count() >= 3
        assert products.filter(modifier_lists__isnull=False).exists()
        assert ModifierList.objects.filter(min=1).exists()
        pictured = products.filter(sku__in=plan.pictures).values_list("image__width", flat=True)
        assert list(pictured) == [240, 240]
        in_one_store = [each for each in PriceList.objects.all() if each.stores]
        assert [each.prices.count() for each in in_one_store] == [3]
        # A period, which has not begun.
        assert Price.objects.filter(valid_from__lt=F("valid_to")).count() == 3


def test_one_demo_shop_weighs_in_pounds(seed_output):
    with tenant_scope(Tenant.objects.get(slug=HARBOR.slug)):
        assert Product.objects.get(weight_unit="lb").sold_by == "weight"


def log_in_as(tenant: str, username: str, password: str) -> User:
    session, _ = log_in(tenant=tenant, username=username, password=password, origin=ClientInfo())
    return session.user


@pytest.mark.slow
def test_changed_password_is_not_printed(seed_output):
    with tenant_scope(Tenant.objects.get(slug="harbor")):
        maya = User.objects.get(username="maya")
        maya.set_password("something else")
        maya.save_changes("password")

    again = seed()

    assert re.search(r"^harbor +cashier +maya +\(changed\) ", again, re.MULTILINE)
    assert re.search(r"^harbor +cashier +noah +demo-till-password ", again, re.MULTILINE)


@pytest.mark.slow
def test_demo_shops_differ_in_taxes_and_cash_rounding(seed_output):
    corner, harbor = (Tenant.objects.get(slug=plan.slug) for plan in SHOPS)

    assert (corner.currency, corner.prices_include_tax) == ("EUR", True)
    assert corner.cash_rounding_increment is None
    assert (harbor.currency, harbor.prices_include_tax) == ("CAD", False)
    assert str(harbor.cash_rounding_increment.normalize()) == "0.05"
    assert load_tax_rates(corner, "MO-001") == [("MwSt.", "7", True)]
    assert load_tax_rates(corner, "GE-004") == [("MwSt.", "19", True)]
    assert load_tax_rates(harbor, "GIF-01") == [("GST", "5", False), ("PST", "7", False)]
    assert load_tax_rates(harbor, "BAK-06") == []


def load_tax_rates(tenant: Tenant, sku: str) -> list[tuple[str, str, bool]]:
    with tenant_scope(tenant):
        rates = Product.objects.get(sku=sku).tax_rates
    return [(rate.name, f"{rate.percent:f}", rate.included) for rate in rates]


@pytest.mark.parametrize(
    ("plan", "tills"),
    [
        pytest.param(CORNER, 2, id="corner"),
        pytest.param(HARBOR, 4, id="harbor", marks=pytest.mark.slow),
    ],
)
def test_demo_shop_has_registers_products_and_stock(seed_output, plan, tills):
    with tenant_scope(Tenant.objects.get(slug=plan.slug)):
        products = Product.objects.with_barcodes()

        assert Register.objects.in_use().count() == tills
        assert 40 <= len(products) <= 60
        assert sum(product.open_price for product in products) == 1
        assert sum(product.sold_by == "weight" for product in products) >= 5
        assert sum(len(product.barcodes.all()) == 2 for product in products) >= 3
        assert all(product.price > 0 or product.open_price for product in products)
        ensure_stock_of_every_store_matches(plan)


def ensure_stock_of_every_store_matches(plan: DemoShop) -> None:
    """Assert that the product list was received, and that levels match the movements."""
    planned = {
        product.sku: product.stock for product in plan.load_products() if product.stock is not None
    }
    received = StockMovement.objects.filter(type="receive", by__role=Role.ADMIN)
    assert sorted(received.values_list("product__sku", "quantity")) == sorted(
        [*planned.items()] * len(plan.places)
    )
    call_command("check_stock", stdout=StringIO())
    types = {"receive", "sale", "return", "waste"}
    if len(plan.places) > 1:
        # Goods are in transit.
        types.add("transfer_out")
    assert set(StockMovement.objects.values_list("type", flat=True)) == types


@pytest.mark.slow
def test_demo_cafe_has_a_product_with_modifiers(seed_output):
    with tenant_scope(Tenant.objects.get(slug="harbor")):
        latte = Product.objects.get(sku="COF-05")
        lists = ModifierList.objects.with_modifiers().in_bulk(latte.modifier_list_ids)
        size, milk, extras = (lists[UUID(each)] for each in latte.modifier_list_ids)

        assert [(each.name, each.min) for each in (size, milk, extras)] == [
            ("Size", 1),
            ("Milk", 0),
            ("Extras", 0),
        ]
        skus = [each.product and each.product.sku for each in milk.loaded_modifiers]
        assert skus == [None, "PAN-07"]


@pytest.mark.parametrize("plan", SHOPS, ids=lambda plan: plan.slug)
def test_demo_barcodes_are_ean_13_of_the_demonstration_range(plan):
    codes = [code for product in plan.load_products() for code in product.barcodes]

    assert codes
    assert len(set(codes)) == len(codes)
    for code in codes:
        digits = [int(digit) for digit in code]
        assert len(digits) == 13
        assert code.startswith("952")
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0


# --- the day of sales ----------------------------------------------------------------------------


def list_day() -> list[Order]:
    return list(Order.objects.with_details().order_by("number"))


@pytest.mark.slow
def test_demo_day_shows_every_kind_of_sale(seed_output):
    with tenant_scope(Tenant.objects.get(slug="corner")):
        orders = list_day()
        lines = {line.sku: line for order in orders for line in order.loaded_lines}
        paid = {(each.method, each.entry) for order in orders for each in order.loaded_payments}

        assert {order.status for order in orders} == {"completed", "partially_refunded"}
        assert {order.register.number for order in orders} == {2}
        assert paid == {("cash", ""), ("card", "external"), ("card", "gateway")}
        yogurt, bananas, cheese = lines["MO-004"], lines["OB-002"], lines["MO-007"]
        assert yogurt.lot
        assert yogurt.expires_on > orders[0].created_at.date()
        assert (bananas.quantity, bananas.fixed_gross) == (Decimal("0.845"), None)
        assert (cheese.total, cheese.fixed_gross) == (Decimal("6.45"), Decimal("6.45"))
        assert lines["PF-008"].deposit_for_id == lines["GE-004"].pk
        assert (lines["PF-925"].quantity, lines["PF-925"].total) == (Decimal(-8), Decimal("-2.00"))
        # The price list of the customer's group.
        assert lines["OB-006"].list_price < Product.objects.get(sku="OB-006").price
        assert [order.customer_name for order in orders if order.customer_id] == ["Paula Richter"]


@pytest.mark.slow
def test_demo_day_has_a_refund_fiscal_texts_and_a_z_report(seed_output):
    with tenant_scope(Tenant.objects.get(slug="corner")):
        refund, shift = Refund.objects.get(), Shift.objects.get()
        (signed,) = Receipt.objects.filter(fiscal__isnull=False)

        assert (refund.status, refund.total, refund.by.role) == ("done", Decimal("2.29"), "manager")
        assert (shift.status, shift.opened_by.username) == ("closed", "emre")
        assert signed.fiscal["lines"][0] == "TSE-Transaktion: 1"
        assert list(verify_chains()) == []
        kinds = ChainEntry.objects.order_by("sequence").values_list("kind", flat=True)
        assert Counter(kinds) == {"receipt": 8, "fiscal": 1, "refund": 1, "z_report": 1}


@pytest.mark.slow
def test_demo_receipt_is_german_and_has_the_fiscal_texts(seed_output):
    with tenant_scope(Tenant.objects.get(slug="corner")):
        signed = Order.objects.with_receipt().get(receipt__fiscal__isnull=False)
        text = render_text(build_sale_receipt(signed).build_document())

    for expected in ("Spätkauf am Ufer, Inh. Jana Vogt", "USt-IdNr. DE999999999", "SUMME EUR"):
        assert expected in text
    assert "MwSt." in text
    assert "VAT" not in text
    assert "TSE-Transaktion: 1" in text
    assert "Demo ohne zertifizierte TSE" in text


@pytest.mark.slow
def test_demo_day_without_the_simulator_charges_no_card(db, settings):
    settings.PAYMENT_SIMULATOR = False
    seed()

    with tenant_scope(Tenant.objects.get(slug="corner")):
        assert CardReader.objects.count() == 1
        assert {each.entry for each in Payment.objects.filter(method="card")} == {"external"}
        assert Shift.objects.get().status == "closed"


@pytest.mark.slow
def test_demo_cafe_has_a_day_of_sales_too(seed_output):
    with tenant_scope(Tenant.objects.get(slug="harbor")):
        orders = list_day()
        lines = {line.sku: line for order in orders for line in order.loaded_lines}

        assert {order.status for order in orders} == {"completed", "partially_refunded"}
        assert [each["name"] for each in lines["COF-05"].modifiers] == ["16 oz", "Oat milk"]
        assert {tax["name"] for tax in lines["GIF-01"].taxes} == {"GST", "PST"}
        assert lines["DEP-10"].deposit_for_id in {line.pk for line in lines.values()}
        assert any(order.cash_rounding for order in orders)
        assert Refund.objects.get().status == "done"
        assert Shift.objects.get().status == "closed"
        assert list(verify_chains()) == []


def test_demo_shop_of_tests_has_no_sales(db):
    ensure_demo_shop(CORNER)

    with across_tenants():
        assert not Order.objects.exists()


# --- the printed commands ------------------------------------------------------------------------


class Curl(ArgumentParser):
    """The curl options that the printed commands use; any other option is an error."""

    def __init__(self) -> None:
        super().__init__()
        self.add_argument("url")
        self.add_argument("-s", action="store_true")
        self.add_argument("-w")
        self.add_argument("-d")
        self.add_argument("-H", action="append", default=[])


class Shell:
    """Runs the printed commands with Django's test client in place of curl."""

    def __init__(self, seed_output: str) -> None:
        script = seed_output[seed_output.index("API=") :].replace("\\\n", " ")
        self.api = re.search(r"^API=(\S+)$", script, re.MULTILINE)[1]
        self.commands = re.findall(r"curl (.*?)(?: *\| sed .*)?$", script, re.MULTILINE)
        self.substitution = re.search(r"sed 's/(.*)/\\1/'", script)[1]
        self.token = ""

    def run(self, command: str):
        text = command.replace("$API", self.api).replace("$TOKEN", self.token)
        curl = Curl().parse_args(shlex.split(text))
        headers = dict(header.split(": ", 1) for header in curl.H)
        path = curl.url.removeprefix(URL)
        if curl.d is None:
            return Client().get(path, headers=headers)
        return Client().post(
            path, curl.d, content_type=headers.pop("Content-Type"), headers=headers
        )

    def sed(self, text: str) -> str:
        """Apply the printed sed substitution to the text."""
        pattern = self.substitution.replace(r"\(", "(").replace(r"\)", ")")
        return re.sub(pattern, r"\1", text)

    def run_all(self):
        """Return the responses to log-in, shift, look-up, sale and receipt."""
        log_in, *others = self.commands
        first = self.run(log_in)
        self.token = self.sed(first.content.decode())
        return [first, *(self.run(command) for command in others)]


def test_printed_commands_make_the_first_sale(seed_output):
    logged_in, opened, found, sold, receipt = Shell(seed_output).run_all()

    (product,) = found.json()["results"]
    order = sold.json()
    assert [each.status_code for each in (logged_in, opened, found, sold, receipt)] == [
        200,
        201,
        200,
        201,
        200,
    ]
    assert order["shift"] == opened.json()["id"]
    assert product["sku"] == "MO-001"
    assert (order["status"], order["total"], order["due"]) == ("completed", "2.58", "0.00")
    assert order["change_total"] == "2.42"
    assert order["lines"][0]["sku"] == "MO-001"
    assert "SUMME EUR" in receipt.content.decode()
    assert get_stock("MO-001") == 118


@pytest.mark.slow
def test_printed_commands_run_again_sell_nothing_twice(seed_output):
    before = count_sales()
    Shell(seed_output).run_all()

    _, opened, _, again, receipt = Shell(seed()).run_all()

    assert [each.status_code for each in (opened, again, receipt)] == [200, 200, 200]
    assert get_stock("MO-001") == 118
    assert count_sales() == (before[0] + 1, before[1] + 1)


def count_sales() -> tuple[int, int]:
    with across_tenants():
        return Order.objects.count(), Shift.objects.count()


@pytest.mark.slow
def test_printed_commands_work_after_the_shift_was_closed(seed_output):
    shell = Shell(seed_output)
    _, opened, *_ = shell.run_all()
    shift = opened.json()["id"]
    with tenant_scope(Tenant.objects.get(slug="corner")):
        lena = User.objects.get(username="lena")
        close_shift(shift, ShiftCount({"cash": Decimal("102.58")}), by=lena)

    _, opened, _, again, receipt = shell.run_all()

    assert [each.status_code for each in (opened, again, receipt)] == [200, 200, 200]
    assert (opened.json()["id"], opened.json()["status"]) == (shift, "closed")


@pytest.mark.parametrize(
    "plan",
    [pytest.param(CORNER, id="corner"), pytest.param(HARBOR, id="harbor", marks=pytest.mark.slow)],
)
def test_demo_shop_requires_shifts(seed_output, plan):
    assert Tenant.objects.get(slug=plan.slug).shifts_required


def get_stock(sku: str) -> int:
    with tenant_scope(Tenant.objects.get(slug="corner")):
        return int(StockLevel.objects.get(product__sku=sku).quantity)


@pytest.mark.slow
def test_shops_have_customers_with_groups(seed_output):
    for shop in SHOPS:
        with tenant_scope(Tenant.objects.get(slug=shop.slug)):
            found = Customer.objects.order_by("pk").values_list("name", "group__name")
            assert list(found) == [(each.name, each.group) for each in shop.customers]
