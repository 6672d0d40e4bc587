"""Audit events of sales, payments, refunds and cash drawers."""

import uuid

from orders.gateways import Answer, Outcome
from orders.models import CashMovement, Order, Payment, Payout, Receipt, Refund, Shift, StoreCredit
from orders.services import reconciliation
from orders.services.refunds import payouts
from tests.support.audit_table.scene import ExpectedEvent, row
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.till import card, cash, line, percent

# --- orders ------------------------------------------------------------------------------------


@row("line_removed")
def line_removed(scene):
    order = scene.till.sold(line(scene.product), line(scene.product, "3"))
    scene.done("DELETE", f"orders/{order['id']}/lines/{order['lines'][1]['id']}/")
    facts = {"sku": "APPLE", "quantity": "3.000", "total": "7.50"}
    return ExpectedEvent(scene.admin, scene.row(Order, order["id"]), facts)


@row("discount_given")
def discount_given(scene):
    """Recorded also without an approval, and when the discount grows."""
    order = scene.manager_client.sold(
        line(scene.product, discounts=[percent("20", reason="Bruised")])
    )
    sold = order["lines"][0]["id"]
    discount = {"type": "amount", "value": "0.50", "id": str(uuid.uuid4())}
    scene.post(f"orders/{order['id']}/discounts/", discount)
    target = scene.row(Order, order["id"])
    of_line = {"type": "percent", "value": "20", "reason": "Bruised", "amount": "0.50"}
    of_order = {"type": "amount", "value": "0.50", "reason": "", "amount": "0.50"}
    first = {"line": sold, "sku": "APPLE", "amount": "0.50", "discounts": [of_line]}
    second = {"line": None, "amount": "0.50", "discounts": [of_order]}
    return [
        ExpectedEvent(scene.manager, target, first | {"approver": None}),
        ExpectedEvent(scene.admin, target, second | {"approver": None}),
    ]


@row("price_overridden")
def price_overridden(scene):
    order = scene.manager_client.sold(line(scene.product, "2", unit_price="0.25"))
    facts = {
        "line": order["lines"][0]["id"],
        "sku": "APPLE",
        "quantity": "2",
        "list_price": "2.50",
        "unit_price": "0.25",
        "amount": "4.50",
        "approver": None,
    }
    return ExpectedEvent(scene.manager, scene.row(Order, order["id"]), facts)


@row("order_voided")
def order_voided(scene):
    order = scene.order()
    scene.post(f"orders/{order}/void/", {"reason": "Left"})
    return ExpectedEvent(scene.admin, scene.row(Order, order), {"reason": "Left"})


@row("order_reference_changed")
def order_reference_changed(scene):
    """Recorded after the order is completed or voided; without the metadata."""
    order = scene.order(external_id="WEB-1", payments=[cash("2.50")])
    changed = {"external_id": "ERP-7", "metadata": {"name": "Ann"}}
    scene.done("PATCH", f"orders/{order}/", changed)
    ids = {"from": "WEB-1", "to": "ERP-7"}
    facts = {"fields": ["external_id", "metadata"], "external_id": ids}
    return ExpectedEvent(scene.admin, scene.row(Order, order), facts)


@row("payment_canceled")
def payment_canceled(scene):
    order = scene.till.sold(line(scene.product), payments=[cash("1.00", tendered="2.00")])
    scene.post(f"payments/{order['payments'][0]['id']}/cancel/")
    facts = {"method": "cash", "amount": "1.00"}
    return ExpectedEvent(scene.admin, scene.row(Order, order["id"]), facts)


@row("receipt_copied")
def receipt_copied(scene):
    order = scene.order(payments=[cash("2.50")])
    for _ in range(3):
        response = scene.till.get(f"orders/{order}/receipt/", {"format": "text"})
        assert response.status_code == 200
    receipt = scene.the_only(Receipt, order=order)
    common = {"format": "text", "order": order}
    return [ExpectedEvent(scene.admin, receipt, common | {"copy": copy}) for copy in (1, 2)]


@row("payment_stays_unknown")
def payment_stays_unknown(scene):
    scene.gateway.answers = scene.gateway.found = [TIMED_OUT, TIMED_OUT]
    order = scene.till.sold(line(scene.product), payments=[card("2.50")])
    payment = order["payments"][0]["id"]
    reach_max_look_ups(scene, reconciliation.PaymentReconciliation(), Payment)
    return ExpectedEvent(
        None, scene.row(Order, order["id"]), {"payment": payment, "amount": "2.50"}
    )


@row("payout_stays_unknown")
def payout_stays_unknown(scene):
    order = scene.order(payments=[card("2.50")])
    scene.gateway.returns = [TIMED_OUT, TIMED_OUT]
    scene.post(f"orders/{order}/refunds/", {"reason": "Bruised"})
    payout = reach_max_look_ups(scene, reconciliation.PayoutReconciliation(), Payout)
    return ExpectedEvent(
        None, scene.row(Order, order), {"payout": str(payout.pk), "amount": "2.50"}
    )


def reach_max_look_ups(scene, job, model):
    """Run the last look-up of a payment or payout."""
    with scene.in_shop():
        model.objects.update(look_ups=reconciliation.MAX_LOOK_UPS - 1)
    with scene.later():
        job.step()
    return scene.the_only(model)


# --- refunds -----------------------------------------------------------------------------------


@row("refunded")
def refunded(scene):
    order = scene.order(payments=[cash("2.50")])
    scene.post(f"orders/{order}/refunds/", {"reason": "Bruised", "amount": "1.00"})
    facts = {"total": "1.00", "reason": "Bruised"}
    return ExpectedEvent(scene.admin, scene.row(Order, order), facts)


@row("refund_paid_otherwise")
def refund_paid_otherwise(scene):
    order = scene.order(payments=[card("2.00"), card("0.50")])
    scene.gateway.returns = [CAPTURED, DECLINED]
    refund = scene.post(f"orders/{order}/refunds/", {"reason": "Bruised"})
    scene.post(f"refunds/{refund['id']}/resolve/", {"method": "cash"})
    return ExpectedEvent(scene.admin, scene.row(Order, order), {"method": "cash"})


@row("refund_canceled")
def refund_canceled(scene):
    refund = scene.row(Refund, scene.waiting_refund())
    scene.post(f"refunds/{refund.pk}/cancel/")
    return ExpectedEvent(scene.admin, scene.row(Order, refund.order_id), {"amount": "1.95"})


@row("paid_out_after_declined")
def paid_out_after_declined(scene):
    order = scene.order(payments=[card("2.50")])

    def decline_meanwhile(asked):
        scene.gateway.returns = [DECLINED]
        with scene.in_shop():
            payouts.look_up_payout(Payout.objects.get(pk=asked.key), by=scene.admin)
        return CAPTURED

    scene.gateway.returns = [TIMED_OUT, decline_meanwhile]
    refund = scene.post(f"orders/{order}/refunds/", {"reason": "Bruised"})
    scene.post(f"refunds/{refund['id']}/resolve/")
    facts = {"payout": str(scene.the_only(Payout).pk), "amount": "2.50"}
    return ExpectedEvent(None, scene.row(Order, order), facts)


@row("refund_failed_after_done")
def refund_failed_after_done(scene):
    """The provider says later that the bank did not accept the refund."""
    order = scene.order(payments=[card("2.50")])
    scene.post(f"orders/{order}/refunds/", {"reason": "Bruised"})
    payout = scene.the_only(Payout)
    scene.gateway.returns = [Answer(Outcome.DECLINED, reference="gw-1")]
    with scene.in_shop():
        payouts.look_up_payout(payout, by=scene.admin)
    return ExpectedEvent(
        None, scene.row(Order, order), {"payout": str(payout.pk), "amount": "2.50"}
    )


@row("store_credit_issued")
def store_credit_issued(scene):
    made = scene.post("store-credits/", {"amount": "10.00", "reason": "Sorry"})
    facts = {"amount": "10.00", "reason": "Sorry"}
    return ExpectedEvent(scene.admin, scene.row(StoreCredit, made["id"]), facts)


# --- cash drawer -------------------------------------------------------------------------------


def open_shift(scene):
    return scene.row(Shift, scene.shift())


def record_movement(scene, type, amount, person=None):
    shift = open_shift(scene)
    body = {"type": type, "reason": "As usual"} | ({"amount": amount} if amount else {})
    scene.post(f"shifts/{shift.pk}/cash-movements/", body, person)
    return ExpectedEvent(scene.admin, shift, {"amount": amount or "0.00", "reason": "As usual"})


@row("shift_opened")
def shift_opened(scene):
    facts = {"register": "Till 1", "opening_float": "100.00", "last_counted": "0.00"}
    return ExpectedEvent(scene.admin, open_shift(scene), facts)


@row("cash_paid_in")
def cash_paid_in(scene):
    return record_movement(scene, "paid_in", "5.00")


@row("cash_paid_out")
def cash_paid_out(scene):
    return record_movement(scene, "paid_out", "5.00")


@row("cash_drop")
def cash_drop(scene):
    return record_movement(scene, "drop", "5.00")


@row("cash_no_sale")
def cash_no_sale(scene):
    return record_movement(scene, "no_sale", None)


@row("cash_slip_printed")
def cash_slip_printed(scene):
    record_movement(scene, "no_sale", None)
    movement = scene.the_only(CashMovement)
    path = f"shifts/{movement.shift_id}/cash-movements/{movement.pk}/"
    for _ in range(2):
        assert scene.till.get(path, {"format": "text"}).status_code == 200
    return [ExpectedEvent(scene.admin, movement, {"copy": copy}) for copy in range(2)]


@row("drawer_short")
def drawer_short(scene):
    shift = open_shift(scene)
    body = {"type": "drop", "amount": "100.01", "reason": "Safe"}
    headers = {"Idempotency_Key": "drop"}
    answer = scene.till.post(f"shifts/{shift.pk}/cash-movements/", body, **headers)
    scene.refused(answer, 409, "drawer_short")
    return ExpectedEvent(scene.admin, shift, {"type": "drop", "amount": "100.01"})


@row("shift_ended")
def shift_ended(scene):
    shift = open_shift(scene)
    scene.post(f"shifts/{shift.pk}/end/")
    return ExpectedEvent(scene.admin, shift)


@row("shift_closed")
def shift_closed(scene):
    shift = open_shift(scene)
    counted = [{"method": "cash", "amount": "99.00"}]
    scene.post(f"shifts/{shift.pk}/close/", {"counted": counted})
    facts = {"z_number": 1, "over_short": {"cash": "-1.00"}}
    return ExpectedEvent(scene.admin, shift, facts)


@row("shift_count_refused")
def shift_count_refused(scene):
    shift = scene.post(
        "shifts/",
        {"register": str(scene.till.register.pk), "opening_float": "100.00"},
        scene.cashier_client,
    )["id"]
    counted = {"counted": [{"method": "cash", "amount": "1.00"}]}
    headers = {"Idempotency_Key": "close"}
    answer = scene.cashier_client.post(f"shifts/{shift}/close/", counted, **headers)
    scene.refused(answer, 403, "count_beyond_tolerance")
    return ExpectedEvent(scene.cashier, scene.row(Shift, shift), {"counted": {"cash": "1.00"}})


# --- store credit ------------------------------------------------------------------------------


@row("store_credit_blocked")
def store_credit_blocked(scene):
    credit = scene.credit()
    for _ in range(2):
        scene.post(f"store-credits/{credit}/block/", {"reason": "Lost"})
    facts = {"balance": "10.00", "reason": "Lost"}
    return ExpectedEvent(scene.admin, scene.row(StoreCredit, credit), facts)


@row("store_credit_unblocked")
def store_credit_unblocked(scene):
    credit = scene.credit()
    scene.post(f"store-credits/{credit}/block/")
    for _ in range(2):
        scene.post(f"store-credits/{credit}/unblock/", {"reason": "Found"})
    facts = {"balance": "10.00", "reason": "Found"}
    return ExpectedEvent(scene.admin, scene.row(StoreCredit, credit), facts)


@row("store_credit_code_failed")
def store_credit_code_failed(scene):
    assert scene.till.get("store-credits/", {"code": "WRONG"}).json()["results"] == []
    payment = {"method": "store_credit", "amount": "2.50", "reference": "WRONG"}
    scene.refused(
        scene.till.sell(line(scene.product), payments=[payment]), 409, "insufficient_store_credit"
    )
    return [ExpectedEvent(scene.admin, None, {"way": way}) for way in ("look_up", "payment")]


# --- offline sales -----------------------------------------------------------------------------


@row("offline_sale_booked")
def offline_sale_booked(scene):
    order = scene.row(Order, upload_sale(scene)["id"])
    facts = {
        "device_sequence": 1,
        "sold_at": order.sold_at.isoformat(),
        "adjustment": "0.00",
        "flags": [],
        "cashier": str(scene.admin.pk),
        "total": "2.50",
    }
    return ExpectedEvent(scene.admin, order, facts)


@row("sales_uploaded")
def sales_uploaded(scene):
    upload_sale(scene)
    facts = {"last_sequence": 1, "created": 1, "duplicate": 0, "rejected": 0}
    return ExpectedEvent(scene.admin, scene.till.register, facts)


def upload_sale(scene):
    body = {
        "register": str(scene.till.register.pk),
        "batch": [build_offline_sale(1, build_offline_line(scene.product))],
    }
    (result,) = scene.post("sync/orders/", body)["results"]
    return result["order"]


@row("device_sequence_set")
def device_sequence_set(scene):
    upload_sale(scene)
    body = {"last_device_sequence": 7, "reason": "New device"}
    scene.post(f"registers/{scene.till.register.pk}/device-sequence/", body)
    facts = {"before": 1, "after": 7, "reason": "New device"}
    return ExpectedEvent(scene.admin, scene.till.register, facts)


@row("fiscal_texts_written")
def fiscal_texts_written(scene):
    order = scene.till.sold(line(scene.product), payments=[cash("2.50")])
    scene.post(f"orders/{order['id']}/receipt/fiscal/", {"lines": ["Signed"]})
    receipt = scene.the_only(Receipt)
    return ExpectedEvent(scene.admin, receipt, {"order": order["id"]})
