"""Leave that does not fit: the sale is refused, and approval and shop stay as they were."""

import pytest
from django.utils import timezone

from tests.factories.accounts import ApprovalFactory, UserFactory
from tests.support.approvals import asked, given, kept, new_id
from tests.support.order_approvals import bound, half_off, no_orders, state
from tests.support.till import Till, ensure_books_balance, line, percent

pytestmark = pytest.mark.once


@pytest.fixture
def office(admin, client_of):
    return client_of(admin)


@pytest.fixture
def ensure_unsold(shop, problem):
    """The sale is refused, and leaves approval and shop as they were."""

    def refused(till, body, approval, code="approval_not_valid"):
        before = kept({"id": approval})
        answer = problem(till.post("orders/", body | {"approval": approval}), 403, code)
        assert kept({"id": approval}) == before
        assert no_orders(shop)
        ensure_books_balance(shop)
        return answer

    return refused


def test_119_an_approval_is_for_one_order_one_action_and_so_much(till, goods, chief, ensure_unsold):
    product = goods("10.00")
    body = half_off(till, product)
    about = {"order": body["id"]}
    for action, changes in [
        ("discount", {}),
        ("price_override", {"object": about, "amount": "10.00"}),
        ("refund", {"object": about, "amount": "10.00"}),
        ("void", {"object": about}),
        ("discount", {"object": about, "amount": "9.99"}),
    ]:
        approval = given(chief, asked(till, action, **changes))["id"]

        ensure_unsold(till, body, approval)


def test_119_leave_for_a_discount_is_none_for_a_price(till, goods, chief, ensure_unsold):
    body = till.order(line(goods("10.00"), unit_price="9.00"))
    approval = given(chief, asked(till, object={"order": body["id"]}, amount="10.00"))["id"]

    ensure_unsold(till, body, approval)


def test_119_a_basket_that_grew_meanwhile_needs_more(till, goods, leave, ensure_unsold):
    product = goods("10.00")
    body = half_off(till, product)
    approval = leave(body)
    body["lines"].append(line(product, discounts=[percent("50")]))

    ensure_unsold(till, body, approval)


def test_119_nobody_else_uses_it(till, goods, chief, shop, register, ensure_unsold):
    body = half_off(till, goods("10.00"))
    approval = given(chief, asked(till, object={"order": body["id"]}, amount="10.00"))["id"]
    colleague = Till(UserFactory(tenant=shop), register)

    ensure_unsold(colleague, body, approval)


def test_119_it_is_not_used_at_another_till(cashier, goods, chief, tills, register, ensure_unsold):
    """Nor away from any: leave was given for what the manager saw on this one."""
    here, there = (bound(cashier, each) for each in (register, tills[0].register))
    product = goods("10.00")
    body = half_off(here, product)
    del body["register"]
    approval = given(chief, asked(here, object={"order": body["id"]}, amount="10.00"))["id"]

    ensure_unsold(there, body, approval)
    ensure_unsold(Till(cashier, register), body | {"register": str(register.pk)}, approval)
    assert here.post("orders/", body | {"approval": approval}).status_code == 201


def test_119_that_of_another_shop_is_like_one_that_nobody_has(
    till, goods, foreign, client_of, ensure_unsold, problem, shop
):
    body = half_off(till, goods("10.00"))
    them = client_of(foreign.cashier)
    theirs = asked(them, object={"order": body["id"]}, amount="10.00")
    given(client_of(foreign.manager), theirs)
    answers = [
        till.post("orders/", body | {"approval": each}, X_Request_ID="same")
        for each in (theirs["id"], new_id())
    ]

    problem(answers[0], 403, "approval_not_valid")
    assert answers[0].content == answers[1].content
    assert state(theirs["id"]) == "approved"
    assert no_orders(shop)


@pytest.mark.parametrize("status", ["pending", "denied", "expired"])
def test_only_leave_that_was_given_and_still_stands_counts(
    till, cashier, manager, goods, ensure_unsold, status
):
    body = half_off(till, goods("10.00"))
    now = timezone.now()
    decided = {"decided_by": manager, "decided_at": now}
    more = {
        "pending": {},
        "denied": {"status": "denied", **decided},
        "expired": {"status": "approved", **decided, "expires_at": now},
    }[status]
    row = ApprovalFactory(
        requested_by=cashier, object={"order": body["id"]}, amount="10.00", **more
    )

    ensure_unsold(till, body, str(row.pk))


@pytest.mark.parametrize("how", ["deactivated", "demoted"])
def test_120_who_gave_it_must_still_be_a_manager(
    till, chief, office, goods, leave, ensure_unsold, how
):
    body = half_off(till, goods("10.00"))
    approval = leave(body)
    path = f"users/{chief.user.pk}/"
    answer = (
        office.delete(f"{path}activation/")
        if how == "deactivated"
        else office.put(f"{path}role/", {"role": "cashier"}, If_Match="*")
    )
    assert answer.status_code == 200

    ensure_unsold(till, body, approval)


def test_whoever_gave_it_has_limits_as_well(till, shop, shop_in, goods, leave, ensure_unsold):
    shop.limits["manager"] |= {"line_discount_percent": "40"}
    shop_in(limits=shop.limits)
    body = half_off(till, goods("10.00"))
    approval = leave(body)

    again = ensure_unsold(till, body, approval, code="approval_required")

    assert again["object"] == {"order": body["id"]}


@pytest.mark.parametrize("approval", ["1", None, 5, "", ["x"]])
def test_what_is_no_id_is_no_approval(till, goods, shop, problem, approval):
    response = till.post("orders/", half_off(till, goods("10.00")) | {"approval": approval})

    code = "null" if approval is None else "invalid"
    problem(response, 400, "invalid", {"approval": code})
    assert no_orders(shop)
