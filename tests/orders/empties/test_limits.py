"""The limit of what users pay for empties: per order, and per user in a shift or business day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from accounts.models import Approval
from orders.models import Order
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.factories.orders import BarcodeFactory
from tests.factories.tenants import RegisterFactory
from tests.support.order_approvals import approve, get_approval_state
from tests.support.parallel import run_concurrently
from tests.support.shifts import close_shift, open_shift
from tests.support.till import Till, cash, cash_rest, line, new_id, percent

pytestmark = pytest.mark.django_db


@pytest.fixture
def needs_approval(unchanged):
    def check(call, value):
        answer = unchanged(call, 403, "approval_required")
        assert (answer["action"], answer["amount"]) == ("deposit_return", value)
        return answer

    return check


def sell_empties(till, empties, quantity, **more):
    return till.sell(empties(quantity), payments=[cash_rest()], **more)


def test_default_limit_of_a_cashier_is_30(till, managers_till, empties, needs_approval):
    needs_approval(lambda: sell_empties(till, empties, "121"), "30.25")
    assert sell_empties(till, empties, "120").status_code == 201
    assert sell_empties(managers_till, empties, "4000").status_code == 201


def test_limit_counts_whatever_the_total_is(till, empties, make_product, needs_approval):
    """Goods of the same price do not hide empties."""
    goods = line(make_product("40.00"))
    needs_approval(lambda: till.sell(goods, empties("121"), payments=[cash_rest()]), "30.25")
    assert till.sell(goods, empties("120"), payments=[cash_rest()]).status_code == 201


def test_limit_counts_many_lines(till, empties, needs_approval):
    needs_approval(lambda: till.sell(empties("60"), empties("61")), "30.25")


def test_many_orders_count_together(till, empties, needs_approval):
    for _ in range(3):
        assert sell_empties(till, empties, "40").status_code == 201

    needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")


def test_open_orders_count_and_voided_ones_do_not(
    till, manager_client, empties, product, needs_approval
):
    opened = till.sold(line(product), empties("120"))
    needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")

    voided = manager_client.post(f"orders/{opened['id']}/void/", {"reason": "Left"})
    assert voided.status_code == 200
    assert sell_empties(till, empties, "1").status_code == 201


def test_each_shift_has_the_whole_limit(till, manager_client, empties, needs_approval):
    shift = open_shift(till, "100.00")
    assert sell_empties(till, empties, "120").status_code == 201
    needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")
    assert close_shift(manager_client, shift, "70.00").status_code == 200

    open_shift(till, "70.00")
    assert sell_empties(till, empties, "120").status_code == 201


def test_shift_at_another_register_continues_the_limit(
    till, manager_client, shop, store, empties, needs_approval
):
    shift = open_shift(till, "100.00")
    assert sell_empties(till, empties, "120").status_code == 201
    other = Till(till.user, RegisterFactory(tenant=shop, store=store))
    open_shift(other, "100.00")

    needs_approval(lambda: sell_empties(other, empties, "1"), "0.25")
    assert close_shift(manager_client, shift, "70.00").status_code == 200
    assert sell_empties(other, empties, "1").status_code == 201


def test_first_shift_of_the_day_continues_the_limit(till, configure_shop, empties, needs_approval):
    """What was taken back before it, without a shift, counts."""
    configure_shop(shifts_required=False)
    assert sell_empties(till, empties, "120").status_code == 201

    open_shift(till, "100.00")

    needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")


def test_limit_that_a_shop_has_no_value_for_is_the_default(till, shop, empties, needs_approval):
    for role in ("cashier", "manager"):
        shop.limits[role].pop("deposit_return_amount")
    shop.save(update_fields=["limits"])

    needs_approval(lambda: sell_empties(till, empties, "121"), "30.25")
    assert till.get("tenant/").json()["limits"]["cashier"]["deposit_return_amount"] == "30.00"


def test_null_is_unlimited(till, set_limits, empties):
    set_limits(cashier={"deposit_return_amount": None})

    assert sell_empties(till, empties, "4000").status_code == 201


def test_without_shifts_each_business_day_has_the_whole_limit(
    till, configure_shop, empties, needs_approval
):
    configure_shop(shifts_required=False)
    noon = datetime(2027, 3, 1, 12, tzinfo=UTC)
    with time_machine.travel(noon):
        till = Till(till.user, till.register)
        assert sell_empties(till, empties, "120").status_code == 201
        needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")
    with time_machine.travel(noon + timedelta(days=1)):
        till = Till(till.user, till.register)
        assert sell_empties(till, empties, "1").status_code == 201


def test_another_cashier_has_a_limit_of_their_own(till, shop, register, empties, needs_approval):
    assert sell_empties(till, empties, "120").status_code == 201
    other = Till(UserFactory(tenant=shop), register)

    assert sell_empties(other, empties, "120").status_code == 201
    needs_approval(lambda: sell_empties(other, empties, "1"), "0.25")


def test_limits_of_refunds_and_empties_are_separate(till, set_limits, empties):
    set_limits(cashier={"refund_amount": "0", "paid_out_amount": "0"})

    assert sell_empties(till, empties, "120").status_code == 201


def test_approved_empties_count_for_the_approver(
    till, manager, manager_client, shop, set_limits, empties, needs_approval
):
    set_limits(manager={"deposit_return_amount": "50"})
    body = till.order(empties("140"), payments=[cash_rest()])
    answer = needs_approval(lambda: till.post("orders/", body), "35.00")

    approval = approve(answer, till, manager_client)
    order = till.post("orders/", {**body, "approval": approval})

    assert order.status_code == 201, order.content
    assert order.json()["deposit_return_by"] == str(manager.pk)
    assert get_approval_state(approval) == "used"
    # Nothing of it counts for the cashier, and all of it for the manager.
    assert sell_empties(till, empties, "120").status_code == 201
    own = Till(manager, till.register)
    needs_approval(lambda: sell_empties(own, empties, "61"), "15.25")
    assert sell_empties(own, empties, "60").status_code == 201
    with tenant_scope(shop):
        assert AuditEvent.objects.filter(event="approval_used").count() == 1


def test_approver_needs_a_limit_that_covers_it(
    till, managers_till, manager_client, set_limits, empties, needs_approval
):
    """Also with what the approver took back before."""
    set_limits(manager={"deposit_return_amount": "40"})
    assert sell_empties(managers_till, empties, "21").status_code == 201
    body = till.order(empties("140"), payments=[cash_rest()])
    answer = needs_approval(lambda: till.post("orders/", body), "35.00")
    approval = approve(answer, till, manager_client)

    needs_approval(lambda: till.post("orders/", {**body, "approval": approval}), "35.00")
    assert get_approval_state(approval) == "approved"


@pytest.mark.parametrize("change", ["amount", "order", "action"])
def test_approval_of_something_else_is_refused(
    till, manager_client, empties, needs_approval, unchanged, change
):
    body = till.order(empties("140"), payments=[cash_rest()])
    answer = needs_approval(lambda: till.post("orders/", body), "35.00")
    request = dict(answer)
    if change == "amount":
        request["amount"] = "34.99"
    elif change == "order":
        request["object"] = {"order": new_id()}
    else:
        request["action"] = "discount"
    approval = approve(request, till, manager_client)

    unchanged(
        lambda: till.post("orders/", {**body, "approval": approval}), 403, "approval_not_valid"
    )


def test_one_approval_covers_discounts_and_empties(
    till, manager, manager_client, shop, empties, product, unchanged
):
    body = till.order(
        line(product, "2"), empties("200"), discounts=[percent("50")], payments=[cash_rest()]
    )
    answer = unchanged(lambda: till.post("orders/", body), 403, "approval_required")
    assert (answer["action"], answer["amount"]) == ("discount", "52.50")

    low = approve({**answer, "amount": "52.49"}, till, manager_client)
    unchanged(lambda: till.post("orders/", {**body, "approval": low}), 403, "approval_not_valid")
    approval = approve(answer, till, manager_client)
    sold = till.post("orders/", {**body, "approval": approval})

    assert sold.status_code == 201, sold.content
    assert sold.json()["deposit_return_by"] == str(manager.pk)
    assert get_approval_state(approval) == "used"
    with tenant_scope(shop):
        # Without what was paid for the empties.
        assert Order.objects.get().approved_gift == Decimal("2.50")


@pytest.mark.parametrize("discounts", [[], [percent("50")]])
def test_one_approval_covers_an_expired_product_and_empties(
    till, manager, manager_client, empties, product, unchanged, discounts
):
    BarcodeFactory(product=product, code="4006381333931")
    expired = {"barcode": "(01)04006381333931(17)200101", "quantity": "2"}
    body = till.order(expired, empties("200"), discounts=discounts, payments=[cash_rest()])
    answer = unchanged(lambda: till.post("orders/", body), 409, "expired")
    value = "52.50" if discounts else "50.00"
    assert (answer["action"], answer["amount"]) == ("sell_expired", value)

    approval = approve(answer, till, manager_client)
    sold = till.post("orders/", {**body, "approval": approval})

    assert sold.status_code == 201, sold.content
    assert sold.json()["deposit_return_by"] == str(manager.pk)


def test_approver_needs_limits_for_discounts_and_empties(
    till, manager_client, set_limits, empties, product, unchanged
):
    set_limits(manager={"deposit_return_amount": "40"})
    body = till.order(line(product, "2"), empties("200"), discounts=[percent("50")])
    answer = unchanged(lambda: till.post("orders/", body), 403, "approval_required")
    approval = approve(answer, till, manager_client)

    unchanged(
        lambda: till.post("orders/", {**body, "approval": approval}), 403, "approval_required"
    )
    assert get_approval_state(approval) == "approved"


def test_approval_of_a_discount_does_not_cover_empties(
    till, manager_client, empties, product, unchanged
):
    body = till.order(line(product, "2"), empties("200"), discounts=[percent("50")])
    answer = till.post("orders/", body).json()
    approval = approve({**answer, "amount": "2.50"}, till, manager_client)

    unchanged(
        lambda: till.post("orders/", {**body, "approval": approval}), 403, "approval_not_valid"
    )


# --- open orders --------------------------------------------------------------------------------


def add(till, order, body, **more):
    return till.post(f"orders/{order['id']}/lines/", {"id": new_id(), **body, **more})


def test_lines_added_to_an_open_order_count_with_the_others(till, empties, product, needs_approval):
    order = till.sold(line(product), empties("100"))
    needs_approval(lambda: add(till, order, empties("21")), "30.25")
    assert add(till, order, empties("20")).status_code == 200
    needs_approval(lambda: sell_empties(till, empties, "1"), "0.25")


def test_changed_quantity_counts(till, empties, product, needs_approval):
    order = till.sold(line(product), empties("100"))
    path = f"orders/{order['id']}/lines/{order['lines'][1]['id']}/"
    needs_approval(lambda: till.patch(path, {"quantity": "-121"}, If_Match="*"), "30.25")

    assert till.patch(path, {"quantity": "-120"}, If_Match="*").status_code == 200
    assert till.patch(path, {"quantity": "-1"}, If_Match="*").status_code == 200
    assert sell_empties(till, empties, "119").status_code == 201


def test_another_cashier_cannot_add_beyond_their_own_limit(
    till, shop, register, empties, product, needs_approval
):
    order = till.sold(line(product), empties("100"))
    other = Till(UserFactory(tenant=shop), register)
    assert sell_empties(other, empties, "1").status_code == 201

    needs_approval(lambda: add(other, order, empties("20")), "30.00")
    added = add(other, order, empties("19"))
    assert added.status_code == 200
    assert added.json()["deposit_return_by"] == str(other.user.pk)


def test_approval_for_an_open_order(till, manager, manager_client, empties, product):
    order = till.sold(line(product), empties("100"))
    body = {"id": new_id(), **empties("40")}
    answer = till.post(f"orders/{order['id']}/lines/", body).json()
    approval = approve(answer, till, manager_client)

    added = till.post(f"orders/{order['id']}/lines/", {**body, "approval": approval})

    assert added.status_code == 200, added.content
    assert added.json()["deposit_return_by"] == str(manager.pk)
    assert till.pay(order, cash("-32.50")).json()["status"] == "completed"


def test_other_changes_need_no_approval(till, managers_till, empties, product):
    order = managers_till.sold(line(product), empties("400"))
    path = f"orders/{order['id']}/lines/{order['lines'][0]['id']}/"

    changed = till.patch(path, {"quantity": "2"}, If_Match="*")

    assert changed.status_code == 200
    assert changed.json()["deposit_return_by"] == str(managers_till.user.pk)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_orders_count_together(transactional_db, shop, tills, empty):
    """At four registers at once, so that the register does not serialize them."""
    orders = [till.order(line(empty, "-50"), payments=[cash("-12.50")]) for till in tills]
    cashier = tills[0].user
    people = [Till(cashier, till.register) for till in tills]

    answers = run_concurrently(
        [
            lambda person=person, body=body: person.post("orders/", body)
            for person, body in zip(people, orders, strict=True)
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 201, 403, 403]
    with tenant_scope(shop):
        paid_out = Order.objects.values_list("deposit_return_total", flat=True)
        assert sum(paid_out) == Decimal("25.00")
        assert not Approval.objects.exists()
