"""Discounts and price overrides on orders: limits, approvals, audit events."""

from decimal import Decimal

import pytest

from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_approvals import assert_no_orders, get_approval_state
from tests.support.parallel import run_concurrently, statuses
from tests.support.price_reductions import snapshot_rows
from tests.support.till import amount, cash, line, new_id, percent

pytestmark = pytest.mark.django_db


# --- limits ---------------------------------------------------------------------------------


def test_two_discounts_within_the_limit_need_approval_if_their_sum_exceeds_it(
    till, edit, make_product, shop, problem
):
    tenth = [percent("10")]
    body = line(make_product("10.00"), discounts=tenth)

    refused = problem(till.sell(body, discounts=tenth), 403, "approval_required")
    assert refused["amount"] == "1.90"
    assert assert_no_orders(shop)

    order = till.sold(body)
    before = snapshot_rows(shop)
    refused = problem(edit(order, "post", "discounts/", tenth[0]), 403, "approval_required")
    assert refused["amount"] == "1.90"
    assert snapshot_rows(shop) == before

    item = build_offline_line(make_product("10.00"), "10.00", discounts=tenth)
    booked = upload_one_booked(
        till, build_offline_sale(1, item, discounts=tenth, payments=[cash("8.10")])
    )
    assert booked["flags"] == ["over_limit"]


def test_creating_and_editing_need_approval_for_the_same_amount(
    till, managers_till, edit, make_product, shop, configure_shop, problem
):
    shop.limits["cashier"] |= {"price_override_percent": "20"}
    configure_shop(limits=shop.limits)
    product = make_product("2.50")
    off = percent("20")

    created = till.sell(line(product, "2", unit_price="2.00", discounts=[off]))
    order = till.sold(line(product, "2", unit_price="2.00"))
    edited = edit(order, "post", "discounts/", off | {"line": order["lines"][0]["id"]})

    amounts = [problem(each, 403, "approval_required")["amount"] for each in (created, edited)]
    assert amounts == ["1.80", "1.80"]


def test_offline_price_override_above_the_limit_is_flagged(till, managers_till, make_product):
    item = build_offline_line(make_product("10.00"), "1.00")

    flags = [
        upload_one_booked(each, build_offline_sale(number, item, payments=[cash("1.00")]))["flags"]
        for number, each in enumerate([till, managers_till], 1)
    ]

    assert flags == [["over_limit", "price_differs"], ["price_differs"]]


# --- approved amounts -----------------------------------------------------------------------


def change_quantity(order, make_product):
    return "patch", f"lines/{order['lines'][0]['id']}/", {"quantity": "100"}


def change_unit_price(order, make_product):
    return "patch", f"lines/{order['lines'][0]['id']}/", {"unit_price": "9.00"}


def add_line_discount(order, make_product):
    return "post", "discounts/", amount("0.02", line=order["lines"][0]["id"])


def add_order_discount(order, make_product):
    return "post", "discounts/", percent("1")


def add_discounted_line(order, make_product):
    return "post", "lines/", line(make_product("10.00"), discounts=[percent("1")])


def add_cheaper_line(order, make_product):
    return "post", "lines/", line(make_product("10.00"), unit_price="9.99")


@pytest.mark.parametrize(
    "case",
    [
        (change_quantity, "500.00"),
        (change_unit_price, "5.50"),
        (add_line_discount, "5.02"),
        (add_order_discount, "5.05"),
        (add_discounted_line, "5.10"),
        (add_cheaper_line, "5.01"),
    ],
)
def test_reduction_above_the_approved_amount_needs_approval_for_the_whole(
    till, edit, approve, make_product, order_at_half_price, problem, case
):
    (edit_more, needed), shop = case, till.user.tenant
    method, rest, body = edit_more(order_at_half_price, make_product)
    before = snapshot_rows(shop)

    refused = problem(edit(order_at_half_price, method, rest, body), 403, "approval_required")

    assert (refused["amount"], refused["object"]) == (needed, {"order": order_at_half_price["id"]})
    assert snapshot_rows(shop) == before
    short = approve(refused, amount=f"{Decimal(needed) - Decimal('0.01')}")
    problem(
        edit(order_at_half_price, method, rest, body | {"approval": short}),
        403,
        "approval_not_valid",
    )
    assert (snapshot_rows(shop), get_approval_state(short)) == (before, "approved")

    allowed = edit(order_at_half_price, method, rest, body | {"approval": approve(refused)})

    assert allowed.status_code == 200, allowed.content
    assert allowed.json()["approved_gift"] == needed


def test_approved_order_discount_does_not_cover_added_lines(
    till, edit, make_product, get_approval, shop, problem
):
    body = till.order(line(make_product("10.00")), discounts=[percent("50")])
    order = till.post("orders/", body | {"approval": get_approval(body)}).json()
    assert (order["approved_gift"], order["due"]) == ("5.00", "5.00")
    before = snapshot_rows(shop)

    refused = problem(
        edit(order, "post", "lines/", line(make_product("90.00"))), 403, "approval_required"
    )

    assert refused["amount"] == "50.00"
    assert snapshot_rows(shop) == before


def test_changes_within_the_approved_amount_need_no_approval(
    till, edit, make_product, order_at_half_price, manager
):
    assert order_at_half_price["gift_approved_by"] == str(manager.pk)

    added = edit(order_at_half_price, "post", "lines/", line(make_product("3.00")))
    removed = edit(order_at_half_price, "delete", f"lines/{order_at_half_price['lines'][0]['id']}/")
    again = edit(
        order_at_half_price, "post", "lines/", line(make_product("6.00"), discounts=[percent("80")])
    )

    assert [each.status_code for each in (added, removed, again)] == [200, 200, 200]
    # 4.80 of the approved 5.00; the approval is for the order, not for one line.
    assert (again.json()["total"], again.json()["approved_gift"]) == ("4.20", "5.00")


def test_approved_amount_is_limited_by_the_percentage_of_the_approver(
    till, edit, approve, make_product, shop, configure_shop, problem
):
    shop.limits["manager"] |= {"line_discount_percent": "50"}
    configure_shop(limits=shop.limits)
    order = till.sold(line(make_product("10.00"), "2"))
    first = order["lines"][0]["id"]
    refused = edit(order, "post", "discounts/", percent("50", line=first)).json()
    body = percent("50", line=first, approval=approve(refused))
    assert edit(order, "post", "discounts/", body).json()["approved_gift"] == "10.00"
    before = snapshot_rows(shop)

    # 8.75 is less than the approved 10.00, but more than the approver's limit of 50 percent.
    change = {"quantity": "1"}
    assert edit(order, "patch", f"lines/{first}/", change).status_code == 200
    more = percent("75", line=first)
    problem(edit(order, "post", "discounts/", more), 403, "approval_required")

    assert snapshot_rows(shop)[2] == before[2]


def test_cashier_cannot_enlarge_a_discount_of_a_manager(
    till, managers_till, edit, make_product, shop, problem
):
    order = managers_till.sold(
        line(make_product("10.00"), discounts=[percent("50")]), line(make_product("2.00"))
    )
    first, second = (each["id"] for each in order["lines"])
    before = snapshot_rows(shop)

    problem(edit(order, "patch", f"lines/{first}/", {"quantity": "2"}), 403, "approval_required")
    assert snapshot_rows(shop) == before

    # Changes that reduce nothing more need no approval.
    assert edit(order, "patch", f"lines/{second}/", {"quantity": "2"}).status_code == 200
    assert edit(order, "delete", f"lines/{second}/").status_code == 200
    assert order["approved_gift"] is order["gift_approved_by"] is None


def test_raised_price_needs_its_own_approval(
    till, edit, approve, make_product, order_at_half_price, shop, problem
):
    second = edit(order_at_half_price, "post", "lines/", line(make_product("4.00"))).json()[
        "lines"
    ][1]["id"]
    before = snapshot_rows(shop)

    refused = problem(
        edit(order_at_half_price, "patch", f"lines/{second}/", {"unit_price": "5.00"}),
        403,
        "approval_required",
    )

    assert (refused["action"], refused["amount"]) == ("price_override", "5.00")
    assert snapshot_rows(shop) == before
    plain = till.order(line(make_product("4.00"), unit_price="5.00"))
    refused = problem(till.post("orders/", plain), 403, "approval_required")
    assert (refused["action"], refused["amount"]) == ("price_override", "0.00")
    assert till.post("orders/", plain | {"approval": approve(refused)}).status_code == 201


def test_approval_above_the_current_reduction_covers_later_edits(
    till, edit, make_product, get_approval
):
    body = till.order(line(make_product("10.00"), discounts=[percent("50")]))
    order = till.post("orders/", body | {"approval": get_approval(body, amount="12.00")}).json()
    path = f"lines/{order['lines'][0]['id']}/"

    assert edit(order, "patch", path, {"quantity": "2"}).status_code == 200
    assert edit(order, "patch", path, {"quantity": "3"}).json()["amount"] == "15.00"


def test_approval_of_a_deactivated_user_remains_valid(
    till, edit, make_product, order_at_half_price, manager, admin, client_of
):
    assert client_of(admin).delete(f"users/{manager.pk}/activation/").status_code == 200

    assert (
        edit(order_at_half_price, "post", "lines/", line(make_product("3.00"))).status_code == 200
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_concurrent_edits_use_an_approval_once(till, edit, approve, make_product, shop):
    order = till.sold(line(make_product("10.00")))
    off = amount("4.00")
    approval = approve(edit(order, "post", "discounts/", off).json())

    answers = run_concurrently(
        [lambda: edit(order, "post", "discounts/", off | {"approval": approval}) for _ in range(4)]
    )

    assert statuses(answers) == {200: 1, 403: 3}
    assert till.shown(order)["total"] == "6.00"
    assert get_approval_state(approval) == "used"


# --- idempotency ----------------------------------------------------------------------------


def test_repeated_discount_is_applied_once(till, make_product, shop, problem):
    order = till.sold(line(make_product("10.00")))
    path, body = f"orders/{order['id']}/discounts/", percent("5", reason="Loyal", id=new_id())

    first, again = till.post(path, body), till.post(path, body)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert [each["id"] for each in again.json()["discounts"]] == [body["id"]]
    before = snapshot_rows(shop)
    for other in (
        {"value": "6"},
        {"type": "amount"},
        {"reason": "Other"},
        {"line": order["lines"][0]["id"]},
    ):
        problem(till.post(path, body | other), 409, "id_conflict")
    assert snapshot_rows(shop) == before
    assert till.post(path, body | {"value": "5.0"}).json() == first.json()


def test_discount_without_id_and_key_is_refused(till, make_product, shop, problem):
    order = till.sold(line(make_product("10.00")))
    path = f"orders/{order['id']}/discounts/"
    before = snapshot_rows(shop)

    problem(till.post(path, percent("5")), 400, "idempotency_key_required")

    assert snapshot_rows(shop) == before
    first, again = (till.post(path, percent("5"), Idempotency_Key="k") for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert till.shown(order)["total"] == "9.50"


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_concurrent_repeated_discount_is_applied_once(till, make_product):
    order = till.sold(line(make_product("10.00")))
    path, body = f"orders/{order['id']}/discounts/", percent("2", id=new_id())

    answers = run_concurrently([lambda: till.post(path, body) for _ in range(5)])

    assert statuses(answers) == {200: 5}
    assert till.shown(order)["total"] == "9.80"
