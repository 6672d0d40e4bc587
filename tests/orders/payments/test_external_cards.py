"""Cards that a stand-alone reader has charged: captured at once, and no gateway is asked."""

import pytest

from orders.models import Payment
from orders.services.verification import verify_chains
from tenants.scope import tenant_scope
from tests.factories.orders import StoreCreditFactory
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_relay import relay_all
from tests.support.refunds import (
    create_refund,
    credit_payment,
    ensure_refunds_consistent,
    request_refund,
    resolve_refund,
    snapshot_refund_rows,
)
from tests.support.till import card, cash, line

pytestmark = pytest.mark.django_db
SLIP = "slip 4711"


def external(amount, reference=SLIP, **more):
    return card(amount, entry="external", reference=reference, **more)


@pytest.fixture
def by_reader(till, make_product, gateway):
    """Two for 5.00, charged by a stand-alone reader."""
    return till.sold(line(make_product("2.50"), "2"), payments=[external("5.00")])


def test_it_is_captured_at_once_and_no_gateway_is_asked(till, make_product, gateway, shop):
    payments = [external("2.00"), card("2.00"), cash("1.00")]
    order = till.sold(line(make_product("2.50"), "2"), payments=payments)

    assert order["status"] == "completed"
    told = [(each["entry"], each["status"], each["reference"]) for each in order["payments"]]
    assert told == [
        ("external", "captured", SLIP),
        ("gateway", "captured", ""),
        (None, "captured", ""),
    ]
    assert [str(each.key) for each in gateway.charges] == [payments[1]["id"]]
    ensure_refunds_consistent(shop)


def test_it_stands_on_the_receipt(till, by_reader):
    text = till.get(f"orders/{by_reader['id']}/receipt/", {"format": "text"}).content.decode()

    assert f"Reference {SLIP}" in text


@pytest.mark.parametrize(
    ("payment", "field", "code"),
    [
        (card("5.00", entry="external"), "payments[0].reference", "required"),
        (external("5.00", " "), "payments[0].reference", "required"),
        (cash("5.00", entry="external"), "payments[0].entry", "not_card"),
        (card("5.00", entry="gateway"), "payments[0].entry", "invalid_choice"),
        (card("5.00", entry="unverified"), "payments[0].entry", "invalid_choice"),
        (external("5.00", tendered="6.00"), "payments[0].tendered", "not_cash"),
    ],
)
def test_what_is_no_slip_of_a_reader_is_refused(
    payment, field, code, till, make_product, gateway, shop
):
    product = make_product("2.50")
    before = snapshot_refund_rows(shop)

    answer = till.sell(line(product, "2"), payments=[payment])

    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
    assert snapshot_refund_rows(shop) == before
    assert gateway.charges == []


def test_a_repeated_payment_is_the_same_only_with_the_same_entry(
    till, make_product, gateway, problem
):
    order = till.sold(line(make_product("2.50"), "2"))
    payment = external("3.00")

    assert till.pay(order, payment).status_code == 201
    assert till.pay(order, payment).status_code == 200
    other = {name: value for name, value in payment.items() if name != "entry"}
    problem(till.pay(order, other), 409, "id_conflict")
    assert till.shown(order)["paid_total"] == "3.00"
    assert gateway.charges == []


def test_it_is_let_go_of_without_the_gateway_by_a_manager(
    till, manager_client, make_product, gateway, problem
):
    order = till.sold(line(make_product("2.50"), "2"), payments=[external("3.00")])
    path = f"payments/{order['payments'][0]['id']}/cancel/"

    problem(till.post(path), 403, "approval_required")
    canceled = manager_client.post(path).json()

    assert canceled["payments"][0]["status"] == "canceled"
    assert (canceled["paid_total"], gateway.in_transaction) == ("0.00", [])


def test_it_goes_back_at_the_reader_with_the_reference_of_its_slip(
    till, manager_client, by_reader, gateway, shop, problem
):
    before = snapshot_refund_rows(shop)
    for reference in ({}, {"reference": " "}):
        refused = request_refund(manager_client, by_reader, **reference)
        problem(refused, 400, "invalid", {"reference": "required"})
    assert snapshot_refund_rows(shop) == before

    back = create_refund(manager_client, by_reader, reference="back 1")

    (payout,) = back["payouts"]
    assert (back["status"], payout["status"], payout["method"]) == ("done", "done", "card")
    assert (payout["entry"], payout["reference"], payout["paid"]) == ("external", "back 1", "5.00")
    assert gateway.refunds == []
    text = till.get(f"refunds/{back['id']}/receipt/", {"format": "text"}).content.decode()
    assert "Reference back 1" in text
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("method", ["cash", "store_credit"])
def test_it_becomes_money_only_with_a_second_person(
    method, till, manager_client, admin, by_reader, shop, problem
):
    """However small: nobody but the reader knows whether the card was charged."""
    before = snapshot_refund_rows(shop)
    told = problem(request_refund(till, by_reader, method=method), 403, "approval_required")
    problem(request_refund(manager_client, by_reader, method=method), 403, "approval_required")
    assert snapshot_refund_rows(shop) == before
    asking = {name: told[name] for name in ("action", "object", "amount", "method")}
    approval = grant_approval(Person(admin), request_approval(manager_client, **asking))["id"]

    back = create_refund(manager_client, by_reader, method=method, approval=approval)

    assert (back["status"], back["approved_by"]) == ("done", str(admin.pk))
    assert back["payouts"][0]["entry"] is None
    ensure_refunds_consistent(shop)


def test_an_admin_gives_cash_for_it_alone(admin, by_reader, shop):
    assert create_refund(Person(admin), by_reader, method="cash")["status"] == "done"
    ensure_refunds_consistent(shop)


def test_beside_store_credit_the_reference_is_the_readers(
    till, manager_client, make_product, gateway, shop
):
    """The credit goes back onto the code that it came from."""
    StoreCreditFactory(tenant=shop, code="GIFT", balance="10.00")
    payments = [credit_payment("2.00", "GIFT"), external("3.00")]
    order = till.sold(line(make_product("2.50"), "2"), payments=payments)

    back = create_refund(manager_client, order, reference="back 1")

    gone = {each["method"]: each["reference"] for each in back["payouts"]}
    # Codes of store credit are shown by their last characters.
    assert gone == {"card": "back 1", "store_credit": "****FT"}
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("declined", [False, True])
def test_beside_a_card_of_the_gateway_it_waits_for_its_answer(
    declined, till, manager_client, make_product, gateway, shop
):
    """The relay asks for the gateway's card alone."""
    order = till.sold(line(make_product("2.50"), "2"), payments=[card("2.00"), external("3.00")])
    gateway.returns = [TIMED_OUT]

    waiting = create_refund(manager_client, order, reference="back 1")
    states = {each["entry"]: each["status"] for each in waiting["payouts"]}
    assert (waiting["status"], states) == ("pending", {"gateway": "unknown", "external": "pending"})
    gateway.returns = [DECLINED if declined else CAPTURED]
    relay_all()
    back = resolve_refund(manager_client, waiting).json()

    assert back["status"] == ("failed" if declined else "done")
    assert len(gateway.refunds) == 1
    ensure_refunds_consistent(shop)


def test_the_chain_holds_who_charged_it(by_reader, shop):
    with tenant_scope(shop):
        assert list(verify_chains()) == []
        Payment.objects.filter(order=by_reader["id"]).update(entry="gateway")
        assert [each.kind for each in verify_chains()] == ["receipt"]


@pytest.mark.parametrize(
    ("payment", "entry", "flags"),
    [
        (external("2.50"), "external", []),
        (external("2.50", ""), "unverified", ["card_unverified"]),
        (card("2.50", entry="external"), "unverified", ["card_unverified"]),
        (card("2.50", reference="1"), "unverified", ["card_unverified"]),
        (cash("2.50"), None, []),
    ],
)
def test_offline_a_card_is_flagged_unless_a_reader_has_a_slip(
    payment, entry, flags, till, product, gateway
):
    """What was sold is never refused: without a reference nobody can look the charge up."""
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[payment])
    )

    assert (order["payments"][0]["entry"], order["flags"]) == (entry, flags)
    assert order["payments"][0]["status"] == "captured"
    assert gateway.charges == []


def test_offline_a_slip_of_a_reader_goes_back_there(till, manager_client, product, gateway, shop):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[external("2.50")])
    )

    back = create_refund(manager_client, order, reference="back 1")

    assert back["payouts"][0]["entry"] == "external"
    ensure_refunds_consistent(shop)
