"""Excessive amounts and quantities, currencies, receipts and deactivated users."""

import re

import pytest

from accounts.services.users import set_activation
from orders.models import Order, Payment
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.factories.orders import ProductFactory
from tests.support.attack_outcome import assert_harmless, assert_refused
from tests.support.till import Till, cash, line, percent

HUGE = "99999999999"


@pytest.fixture
def admins_till(admin, register):
    return Till(admin, register)


@pytest.fixture
def expensive(shop, store):
    return ProductFactory(tenant=shop, price=HUGE, track_stock=False)


def count_orders(shop):
    with tenant_scope(shop):
        return Order.objects.count()


@pytest.mark.parametrize("method", ["cash", "card", "voucher", "other"])
def test_attack_123_totals_above_the_maximum_are_rejected(method, admins_till, expensive, shop):
    till = admins_till
    for quantity in ("2", "999", "999999"):
        paid = [{"method": method, "amount": HUGE}]
        assert_refused(till.sell(line(expensive, quantity)), 400)
        assert_refused(till.sell(line(expensive, quantity), payments=paid), 400)
        assert_refused(till.sell(*[line(expensive)] * 400), 400)
        assert_refused(till.post("orders/calculate/", {"lines": [line(expensive, quantity)]}), 400)
    assert count_orders(shop) == 0


@pytest.mark.parametrize(
    ("currency", "price", "fits", "too_fine"),
    [("JPY", "1250", "1250", "1250.5"), ("KWD", "12.505", "12.505", "12.5055")],
)
def test_attack_123_amounts_have_at_most_the_decimals_of_the_currency(
    currency, price, fits, too_fine, admins_till, shop, store
):
    Tenant.objects.filter(pk=shop.pk).update(currency=currency)
    product = ProductFactory(tenant=shop, price=price, track_stock=False)
    till = Till(admins_till.user, admins_till.register)

    assert_refused(till.sell(line(product), payments=[cash(too_fine)]))
    assert_refused(till.sell(line(product), discounts=[{"type": "amount", "value": too_fine}]))
    assert_refused(till.post("products/", {"sku": "N", "name": "N", "price": too_fine}))
    sold = till.sold(line(product), payments=[cash(fits)])
    assert (sold["total"], sold["paid_total"]) == (fits, fits)


@pytest.mark.parametrize("value", ["100.0001", "-5", "101", "1e2", "NaN"])
def test_attack_123_invalid_discounts_and_refunds_are_rejected(value, admins_till, product, shop):
    till = admins_till
    assert_refused(till.sell(line(product), discounts=[percent(value)]))
    assert_refused(till.sell(line(product, discounts=[percent(value)])))
    order = till.sold(line(product), payments=[cash("2.50")])
    for amount in ("-1.00", "0", "2.51", "1e1"):
        body = {"amount": amount, "reason": "Bruised"}
        assert_refused(
            till.post(f"orders/{order['id']}/refunds/", body, Idempotency_Key="k"), 400, 409
        )
    assert till.shown(order)["refunded_total"] == "0.00"


def test_attack_125_user_deactivated_during_a_sale_cannot_continue_it(
    cashier, admin, register, product, shop, problem
):
    till = Till(cashier, register)
    order = till.sold(line(product))
    with tenant_scope(shop):
        set_activation(user_id=cashier.pk, active=False, by=admin)

    problem(till.pay(order, cash("2.50")), 401, "token_not_valid")
    problem(till.post(f"orders/{order['id']}/lines/", line(product)), 401, "token_not_valid")
    problem(till.sell(line(product), payments=[cash("2.50")]), 401, "token_not_valid")

    shown = Till(admin, register).shown(order)
    assert (shown["status"], shown["total"], shown["paid_total"]) == ("open", "2.50", "0.00")
    assert (count_orders(shop), len(shown["lines"])) == (1, 1)
    with tenant_scope(shop):
        assert not Payment.objects.exists()


NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}{% debug %}",
    "\u202e\u202dgnp.exe",
    "javascript:alert(1)",
    "a" * 100,
]


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_names_is_escaped_in_all_receipt_formats(name, admins_till, shop, store):
    till = admins_till
    product = ProductFactory(tenant=shop, name=name, track_stock=False)
    customer = {"name": name}
    order = till.sold(
        line(product, note=name), customer=customer, note=name, payments=[cash("2.50")]
    )

    page = till.get(f"orders/{order['id']}/receipt/", {"format": "html"}).content.decode()
    paper = till.get(f"orders/{order['id']}/receipt/", {"format": "escpos"}).content
    text = till.get(f"orders/{order['id']}/receipt/", {"format": "text"}).content.decode()

    assert not re.search(r"<script|<img src=x|49\{%", page)
    assert paper.count(b"\x1b@") == 1
    assert b"\x1bp" not in paper
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


CONTROLS = [
    "\x1bp\x00\x19\xfa",
    "\x1d(k",
    "\x10\x14\x01",
    "a\nb",
    "\x7f",
    "\x85",
    "\x9b2J",
    "\u2028",
]


@pytest.mark.parametrize("control", CONTROLS)
def test_control_characters_in_names_are_rejected(control, admins_till, product, shop):
    till = admins_till
    for field in ("name", "sku"):
        assert_refused(
            till.post("products/", {"sku": "S", "name": "N", "price": "1", field: control})
        )
    assert_refused(till.sell(line(product), customer={"name": control}))
    assert_refused(till.post("categories/", {"name": control}))
    assert_refused(till.post("stores/", {"name": control}))
    assert_refused(till.patch("tenant/", {"name": control}, If_Match="*"))
    assert count_orders(shop) == 0


ADDRESSES = [
    "a@b.co\r\nBcc: all@b.co",
    "a@b.co\n",
    "a@b.co,c@d.co",
    "a@b.co;c@d.co",
    "Ann <a@b.co>",
    "a@b.co%0aBcc:x@y.co",
    "a@[127.0.0.1",
    "@b.co",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_invalid_or_multiple_email_addresses_are_rejected(address, admins_till, product):
    till = admins_till
    order = till.sold(line(product), payments=[cash("2.50")])

    assert_refused(till.post(f"orders/{order['id']}/receipt/email/", {"email": address}))
    assert_refused(till.sell(line(product), customer={"email": address}))


def test_receipt_emails_are_rate_limited(admins_till, product):
    till = admins_till
    order = till.sold(line(product), payments=[cash("2.50")])
    path = f"orders/{order['id']}/receipt/email/"

    answers = [
        till.post(path, {"email": f"stranger{number}@world.example"}) for number in range(21)
    ]

    assert [answer.status_code for answer in answers] == [202] * 20 + [429]
    assert int(answers[-1]["Retry-After"]) > 0
    again = till.post(path, {"email": "one@world.example"}, Idempotency_Key="another")
    assert assert_refused(again, 429)


def test_stock_movements_beyond_the_limits_are_rejected(admins_till, product, store):
    admin_client = admins_till
    body = {"product": str(product.pk), "store": str(store.pk), "reason": "Flood"}
    for number in range(3):
        for kind, quantity in [("receive", "999999.999"), ("adjust", "-999999.999")]:
            moved = admin_client.post(
                "stock/movements/",
                body | {"type": kind, "quantity": quantity},
                Idempotency_Key=f"{kind}-{number}",
            )
            assert_harmless(moved)
    for quantity in ("1000000", "-1000000", "0.0001", "9" * 40):
        assert_refused(
            admin_client.post(
                "stock/movements/",
                body | {"type": "adjust", "quantity": quantity},
                Idempotency_Key="k",
            )
        )
    (level,) = assert_harmless(admin_client.get("stock/")).json()["results"]
    assert level["quantity"] == "10"
