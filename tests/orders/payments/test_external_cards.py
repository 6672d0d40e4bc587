"""Cards charged by a stand-alone reader (`entry: external`): captured without the gateway."""

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
def sale_by_external_card(till, make_product, gateway):
    """Return a sale of 5.00 charged by a stand-alone reader."""
    return till.sold(line(make_product("2.50"), "2"), payments=[external("5.00")])


def test_external_card_is_captured_without_calling_the_gateway(till, make_product, gateway, shop):
    payments = [external("2.00"), card("2.00"), cash("1.00")]
    order = till.sold(line(make_product("2.50"), "2"), payments=payments)

    assert order["status"] == "completed"
    refusal = [(each["entry"], each["status"], each["reference"]) for each in order["payments"]]
    assert refusal == [
        ("external", "captured", SLIP),
        ("gateway", "captured", ""),
        (None, "captured", ""),
    ]
    assert [str(each.key) for each in gateway.charges] == [payments[1]["id"]]
    ensure_refunds_consistent(shop)


def test_receipt_shows_the_reference_of_an_external_card(till, sale_by_external_card):
    text = till.get(
        f"orders/{sale_by_external_card['id']}/receipt/", {"format": "text"}
    ).content.decode()

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
def test_invalid_external_card_payment_is_refused(
    payment, field, code, till, make_product, gateway, shop
):
    product = make_product("2.50")
    before = snapshot_refund_rows(shop)

    answer = till.sell(line(product, "2"), payments=[payment])

    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [(field, code)]
    assert snapshot_refund_rows(shop) == before
    assert gateway.charges == []


def test_repeated_payment_with_another_entry_is_a_conflict(till, make_product, gateway, problem):
    order = till.sold(line(make_product("2.50"), "2"))
    payment = external("3.00")

    assert till.pay(order, payment).status_code == 201
    assert till.pay(order, payment).status_code == 200
    other = {name: value for name, value in payment.items() if name != "entry"}
    problem(till.pay(order, other), 409, "id_conflict")
    assert till.shown(order)["paid_total"] == "3.00"
    assert gateway.charges == []


def test_canceling_an_external_card_needs_a_manager_and_no_gateway(
    till, manager_client, make_product, gateway, problem
):
    order = till.sold(line(make_product("2.50"), "2"), payments=[external("3.00")])
    path = f"payments/{order['payments'][0]['id']}/cancel/"

    problem(till.post(path), 403, "approval_required")
    canceled = manager_client.post(path).json()

    assert canceled["payments"][0]["status"] == "canceled"
    assert (canceled["paid_total"], gateway.in_transaction) == ("0.00", [])


def test_refund_of_an_external_card_needs_the_reference_of_the_reader(
    till, manager_client, sale_by_external_card, gateway, shop, problem
):
    before = snapshot_refund_rows(shop)
    for reference in ({}, {"reference": " "}):
        refused = request_refund(manager_client, sale_by_external_card, **reference)
        problem(refused, 400, "invalid", {"reference": "required"})
    assert snapshot_refund_rows(shop) == before

    refund = create_refund(manager_client, sale_by_external_card, reference="back 1")

    (payout,) = refund["payouts"]
    assert (refund["status"], payout["status"], payout["method"]) == ("done", "done", "card")
    assert (payout["entry"], payout["reference"], payout["paid"]) == ("external", "back 1", "5.00")
    assert gateway.refunds == []
    text = till.get(f"refunds/{refund['id']}/receipt/", {"format": "text"}).content.decode()
    assert "Reference back 1" in text
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("method", ["cash", "store_credit"])
def test_refund_of_an_external_card_to_another_method_needs_approval(
    method, till, manager_client, admin, sale_by_external_card, shop, problem
):
    """For any amount: only the reader knows whether the card was charged."""
    before = snapshot_refund_rows(shop)
    refusal = problem(
        request_refund(till, sale_by_external_card, method=method), 403, "approval_required"
    )
    problem(
        request_refund(manager_client, sale_by_external_card, method=method),
        403,
        "approval_required",
    )
    assert snapshot_refund_rows(shop) == before
    requested = {name: refusal[name] for name in ("action", "object", "amount", "method")}
    approval = grant_approval(Person(admin), request_approval(manager_client, **requested))["id"]

    refund = create_refund(manager_client, sale_by_external_card, method=method, approval=approval)

    assert (refund["status"], refund["approved_by"]) == ("done", str(admin.pk))
    assert refund["payouts"][0]["entry"] is None
    ensure_refunds_consistent(shop)


def test_admin_refunds_an_external_card_in_cash_without_approval(
    admin, sale_by_external_card, shop
):
    assert create_refund(Person(admin), sale_by_external_card, method="cash")["status"] == "done"
    ensure_refunds_consistent(shop)


def test_refund_to_store_credit_and_external_card_uses_the_reference_for_the_card(
    till, manager_client, make_product, gateway, shop
):
    """The credit is refunded to the code that paid."""
    StoreCreditFactory(tenant=shop, code="GIFT", balance="10.00")
    payments = [credit_payment("2.00", "GIFT"), external("3.00")]
    order = till.sold(line(make_product("2.50"), "2"), payments=payments)

    refund = create_refund(manager_client, order, reference="back 1")

    references = {each["method"]: each["reference"] for each in refund["payouts"]}
    # Only the last characters of a store credit code are shown.
    assert references == {"card": "back 1", "store_credit": "****FT"}
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("declined", [False, True])
def test_external_payout_waits_for_the_gateway_payout(
    declined, till, manager_client, make_product, gateway, shop
):
    """Reconciliation looks up the gateway's payout only."""
    order = till.sold(line(make_product("2.50"), "2"), payments=[card("2.00"), external("3.00")])
    gateway.returns = [TIMED_OUT]

    waiting = create_refund(manager_client, order, reference="back 1")
    states = {each["entry"]: each["status"] for each in waiting["payouts"]}
    assert (waiting["status"], states) == ("pending", {"gateway": "unknown", "external": "pending"})
    gateway.returns = [DECLINED if declined else CAPTURED]
    relay_all()
    refund = resolve_refund(manager_client, waiting).json()

    assert refund["status"] == ("failed" if declined else "done")
    assert len(gateway.refunds) == 1
    ensure_refunds_consistent(shop)


def test_changed_entry_of_a_payment_breaks_its_receipt_in_the_chain(sale_by_external_card, shop):
    with tenant_scope(shop):
        assert list(verify_chains()) == []
        Payment.objects.filter(order=sale_by_external_card["id"]).update(entry="gateway")
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
def test_offline_card_without_a_reference_is_flagged(payment, entry, flags, till, product, gateway):
    """Sales made offline are never refused; without a reference the charge cannot be verified."""
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[payment])
    )

    assert (order["payments"][0]["entry"], order["flags"]) == (entry, flags)
    assert order["payments"][0]["status"] == "captured"
    assert gateway.charges == []


def test_refund_of_an_offline_external_card_is_external(
    till, manager_client, product, gateway, shop
):
    order = upload_one_booked(
        till, build_offline_sale(1, build_offline_line(product), payments=[external("2.50")])
    )

    refund = create_refund(manager_client, order, reference="back 1")

    assert refund["payouts"][0]["entry"] == "external"
    ensure_refunds_consistent(shop)
