"""What is given away on orders: within whose limits, with which approval, and what stays of it."""

from decimal import Decimal

import pytest

from orders.models import Order, OrderLine, Product
from tenants.models import AuditEvent
from tenants.scope import tenant_scope
from tests.factories.accounts import UserFactory
from tests.support.approvals import grant_approval, request_approval
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.order_approvals import assert_no_orders, get_approval_state
from tests.support.parallel import run_concurrently, statuses
from tests.support.till import amount, cash, line, new_id, percent

pytestmark = pytest.mark.django_db
GIVEN = ("discount_given", "price_overridden")


@pytest.fixture
def edit(till):
    """`edit(order, "post", "discounts/", body)`, from whatever version."""

    def send(order, method, rest, body=None, by=till):
        more = {"If_Match": "*"} if method == "patch" else {}
        if rest == "discounts/":
            body = {"id": new_id()} | body
        return getattr(by, method)(f"orders/{order['id']}/{rest}", body, **more)

    return send


@pytest.fixture
def approve(till, manager_client):
    """`approve(refused)`: the id of what the refusal says to ask for, asked and given."""

    def get(refused, giver=manager_client, **changes):
        request = {name: refused[name] for name in ("action", "object", "amount")} | changes
        return grant_approval(giver, request_approval(till, **request))["id"]

    return get


@pytest.fixture
def halved(till, edit, approve, make_product, problem):
    """One for 10.00, of which a half is given away with an approval for 5.00."""
    order = till.sold(line(make_product("10.00", stock="500")))
    refused = problem(
        edit(order, "post", "discounts/", percent("50", line=order["lines"][0]["id"])),
        403,
        "approval_required",
    )
    assert refused["amount"] == "5.00"
    body = percent("50", line=order["lines"][0]["id"], approval=approve(refused))
    answer = edit(order, "post", "discounts/", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def given_events(shop):
    with tenant_scope(shop):
        found = AuditEvent.objects.filter(event__in=GIVEN).order_by("created_at", "id")
        return [(each.event, each.actor, each.facts) for each in found]


def rows(shop):
    """All that an edit writes of the order and its lines, and what was written down of it."""
    with tenant_scope(shop):
        orders = list(Order.objects.order_by("pk").values())
        lines = list(OrderLine.objects.order_by("pk").values())
        return orders, lines, AuditEvent.objects.filter(event__in=GIVEN).count()


def change_price(product, price):
    with tenant_scope(product.tenant):
        Product.objects.filter(pk=product.pk).update(price=Decimal(price))


# --- one policy -----------------------------------------------------------------------------


def test_two_percent_discounts_do_not_go_beyond_a_limit_of_ten(
    till, edit, make_product, shop, problem
):
    tenth = [percent("10")]
    body = line(make_product("10.00"), discounts=tenth)

    refused = problem(till.sell(body, discounts=tenth), 403, "approval_required")
    assert refused["amount"] == "1.90"
    assert assert_no_orders(shop)

    order = till.sold(body)
    before = rows(shop)
    refused = problem(edit(order, "post", "discounts/", tenth[0]), 403, "approval_required")
    assert refused["amount"] == "1.90"
    assert rows(shop) == before

    item = build_offline_line(make_product("10.00"), "10.00", discounts=tenth)
    booked = upload_one_booked(
        till, build_offline_sale(1, item, discounts=tenth, payments=[cash("8.10")])
    )
    assert booked["flags"] == ["over_limit"]


def test_created_and_edited_the_same_amount_is_to_be_approved(
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


def test_an_uploaded_price_is_measured_like_any_other(till, managers_till, make_product):
    item = build_offline_line(make_product("10.00"), "1.00")

    flags = [
        upload_one_booked(each, build_offline_sale(number, item, payments=[cash("1.00")]))["flags"]
        for number, each in enumerate([till, managers_till], 1)
    ]

    assert flags == [["over_limit", "price_differs"], ["price_differs"]]


# --- an approval is money -------------------------------------------------------------------


def to_quantity(order, make_product):
    return "patch", f"lines/{order['lines'][0]['id']}/", {"quantity": "100"}


def to_price(order, make_product):
    return "patch", f"lines/{order['lines'][0]['id']}/", {"unit_price": "9.00"}


def to_line_discount(order, make_product):
    return "post", "discounts/", amount("0.02", line=order["lines"][0]["id"])


def to_order_discount(order, make_product):
    return "post", "discounts/", percent("1")


def to_discounted_line(order, make_product):
    return "post", "lines/", line(make_product("10.00"), discounts=[percent("1")])


def to_cheaper_line(order, make_product):
    return "post", "lines/", line(make_product("10.00"), unit_price="9.99")


@pytest.mark.parametrize(
    "case",
    [
        (to_quantity, "500.00"),
        (to_price, "5.50"),
        (to_line_discount, "5.02"),
        (to_order_discount, "5.05"),
        (to_discounted_line, "5.10"),
        (to_cheaper_line, "5.01"),
    ],
)
def test_beyond_what_was_approved_the_whole_gift_needs_a_new_approval(
    till, edit, approve, make_product, halved, problem, case
):
    (grow, needed), shop = case, till.user.tenant
    method, rest, body = grow(halved, make_product)
    before = rows(shop)

    refused = problem(edit(halved, method, rest, body), 403, "approval_required")

    assert (refused["amount"], refused["object"]) == (needed, {"order": halved["id"]})
    assert rows(shop) == before
    short = approve(refused, amount=f"{Decimal(needed) - Decimal('0.01')}")
    problem(edit(halved, method, rest, body | {"approval": short}), 403, "approval_not_valid")
    assert (rows(shop), get_approval_state(short)) == (before, "approved")

    allowed = edit(halved, method, rest, body | {"approval": approve(refused)})

    assert allowed.status_code == 200, allowed.content
    assert allowed.json()["approved_gift"] == needed


def test_an_order_discount_that_was_approved_does_not_grow_with_what_is_added(
    till, edit, make_product, get_approval, shop, problem
):
    body = till.order(line(make_product("10.00")), discounts=[percent("50")])
    order = till.post("orders/", body | {"approval": get_approval(body)}).json()
    assert (order["approved_gift"], order["due"]) == ("5.00", "5.00")
    before = rows(shop)

    refused = problem(
        edit(order, "post", "lines/", line(make_product("90.00"))), 403, "approval_required"
    )

    assert refused["amount"] == "50.00"
    assert rows(shop) == before


def test_within_what_was_approved_the_order_may_change(till, edit, make_product, halved, manager):
    assert halved["gift_approved_by"] == str(manager.pk)

    added = edit(halved, "post", "lines/", line(make_product("3.00")))
    removed = edit(halved, "delete", f"lines/{halved['lines'][0]['id']}/")
    again = edit(halved, "post", "lines/", line(make_product("6.00"), discounts=[percent("80")]))

    assert [each.status_code for each in (added, removed, again)] == [200, 200, 200]
    # 4.80 of 5.00; what is approved for money is not for one line alone.
    assert (again.json()["total"], again.json()["approved_gift"]) == ("4.20", "5.00")


def test_what_was_approved_keeps_to_the_limits_of_whoever_approved_it(
    till, edit, approve, make_product, shop, configure_shop, problem
):
    shop.limits["manager"] |= {"line_discount_percent": "50"}
    configure_shop(limits=shop.limits)
    order = till.sold(line(make_product("10.00"), "2"))
    first = order["lines"][0]["id"]
    refused = edit(order, "post", "discounts/", percent("50", line=first)).json()
    body = percent("50", line=first, approval=approve(refused))
    assert edit(order, "post", "discounts/", body).json()["approved_gift"] == "10.00"
    before = rows(shop)

    # 8.75 is less than 10.00, but more than a half.
    change = {"quantity": "1"}
    assert edit(order, "patch", f"lines/{first}/", change).status_code == 200
    more = percent("75", line=first)
    problem(edit(order, "post", "discounts/", more), 403, "approval_required")

    assert rows(shop)[2] == before[2]


def test_what_a_manager_gives_alone_others_may_not_enlarge(
    till, managers_till, edit, make_product, shop, problem
):
    order = managers_till.sold(
        line(make_product("10.00"), discounts=[percent("50")]), line(make_product("2.00"))
    )
    first, second = (each["id"] for each in order["lines"])
    before = rows(shop)

    problem(edit(order, "patch", f"lines/{first}/", {"quantity": "2"}), 403, "approval_required")
    assert rows(shop) == before

    # What gives nothing more away is anybody's.
    assert edit(order, "patch", f"lines/{second}/", {"quantity": "2"}).status_code == 200
    assert edit(order, "delete", f"lines/{second}/").status_code == 200
    assert order["approved_gift"] is order["gift_approved_by"] is None


def test_a_higher_price_is_approved_for_no_money_and_by_nobody_in_passing(
    till, edit, approve, make_product, halved, shop, problem
):
    second = edit(halved, "post", "lines/", line(make_product("4.00"))).json()["lines"][1]["id"]
    before = rows(shop)

    refused = problem(
        edit(halved, "patch", f"lines/{second}/", {"unit_price": "5.00"}),
        403,
        "approval_required",
    )

    assert (refused["action"], refused["amount"]) == ("price_override", "5.00")
    assert rows(shop) == before
    plain = till.order(line(make_product("4.00"), unit_price="5.00"))
    refused = problem(till.post("orders/", plain), 403, "approval_required")
    assert (refused["action"], refused["amount"]) == ("price_override", "0.00")
    assert till.post("orders/", plain | {"approval": approve(refused)}).status_code == 201


def test_an_approval_with_room_is_room_for_later(till, edit, make_product, get_approval):
    body = till.order(line(make_product("10.00"), discounts=[percent("50")]))
    order = till.post("orders/", body | {"approval": get_approval(body, amount="12.00")}).json()
    path = f"lines/{order['lines'][0]['id']}/"

    assert edit(order, "patch", path, {"quantity": "2"}).status_code == 200
    assert edit(order, "patch", path, {"quantity": "3"}).json()["amount"] == "15.00"


def test_an_approver_who_has_left_approved_it_all_the_same(
    till, edit, make_product, halved, manager, admin, client_of
):
    assert client_of(admin).delete(f"users/{manager.pk}/activation/").status_code == 200

    assert edit(halved, "post", "lines/", line(make_product("3.00"))).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_of_edits_at_once_one_uses_the_approval(till, edit, approve, make_product, shop):
    order = till.sold(line(make_product("10.00")))
    off = amount("4.00")
    approval = approve(edit(order, "post", "discounts/", off).json())

    answers = run_concurrently(
        [lambda: edit(order, "post", "discounts/", off | {"approval": approval}) for _ in range(4)]
    )

    assert statuses(answers) == {200: 1, 403: 3}
    assert till.shown(order)["total"] == "6.00"
    assert get_approval_state(approval) == "used"


# --- another quantity -----------------------------------------------------------------------


def test_another_quantity_is_charged_at_the_price_of_now(till, edit, make_product):
    product = make_product("1.00", stock="500")
    order = till.sold(line(product), line(product, note="kept"))
    first, second = (each["id"] for each in order["lines"])
    change_price(product, "100.00")

    same = edit(order, "patch", f"lines/{first}/", {"quantity": "1", "note": "same"}).json()
    more = edit(order, "patch", f"lines/{first}/", {"quantity": "3"}).json()

    assert same["total"] == "2.00"
    assert more["total"] == "301.00"
    one, other = more["lines"]
    assert (one["unit_price"], one["list_price"], one["gross"]) == ("100.00", "100.00", "300.00")
    assert (other["unit_price"], other["list_price"]) == ("1.00", "1.00")
    less = edit(order, "patch", f"lines/{second}/", {"quantity": "2"}).json()
    assert less["total"] == "500.00"


def test_a_typed_price_stays_and_is_measured_against_the_new_one(
    till, managers_till, edit, make_product, shop, problem
):
    product = make_product("1.00", stock="500")
    order = managers_till.sold(line(product, unit_price="0.90"))
    path = f"lines/{order['lines'][0]['id']}/"
    change_price(product, "100.00")
    before = rows(shop)

    refused = problem(edit(order, "patch", path, {"quantity": "2"}), 403, "approval_required")

    assert (refused["action"], refused["amount"]) == ("price_override", "198.20")
    assert rows(shop) == before
    (kept,) = edit(order, "patch", path, {"quantity": "2"}, by=managers_till).json()["lines"]
    assert (kept["unit_price"], kept["list_price"], kept["total"]) == ("0.90", "100.00", "1.80")


@pytest.mark.parametrize("typed_when", ["added", "changed"])
def test_a_typed_price_stays_also_where_it_was_the_list_price(
    till, managers_till, edit, make_product, shop, problem, typed_when
):
    product = make_product("1.00", stock="500")
    typed = {"unit_price": "1.00"}
    order = till.sold(line(product, **(typed if typed_when == "added" else {})))
    path = f"lines/{order['lines'][0]['id']}/"
    if typed_when == "changed":
        assert edit(order, "patch", path, typed).status_code == 200
    change_price(product, "100.00")
    before = rows(shop)

    refused = problem(edit(order, "patch", path, {"quantity": "2"}), 403, "approval_required")

    assert (refused["action"], refused["amount"]) == ("price_override", "198.00")
    assert rows(shop) == before
    (kept,) = edit(order, "patch", path, {"quantity": "2"}, by=managers_till).json()["lines"]
    assert (kept["unit_price"], kept["list_price"], kept["total"]) == ("1.00", "100.00", "2.00")


def test_without_a_fixed_price_the_typed_one_stays(till, edit, make_product):
    hour = make_product("50.00", open_price=True)
    order = till.sold(line(hour, unit_price="10.00"))
    change_price(hour, "99.00")

    answer = edit(order, "patch", f"lines/{order['lines'][0]['id']}/", {"quantity": "2"})

    assert answer.json()["total"] == "20.00"


# --- once -----------------------------------------------------------------------------------


def test_a_discount_sent_twice_is_given_once(till, make_product, shop, problem):
    order = till.sold(line(make_product("10.00")))
    path, body = f"orders/{order['id']}/discounts/", percent("5", reason="Loyal", id=new_id())

    first, again = till.post(path, body), till.post(path, body)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert [each["id"] for each in again.json()["discounts"]] == [body["id"]]
    before = rows(shop)
    for other in (
        {"value": "6"},
        {"type": "amount"},
        {"reason": "Other"},
        {"line": order["lines"][0]["id"]},
    ):
        problem(till.post(path, body | other), 409, "id_conflict")
    assert rows(shop) == before
    assert till.post(path, body | {"value": "5.0"}).json() == first.json()


def test_a_discount_needs_an_id_or_a_key(till, make_product, shop, problem):
    order = till.sold(line(make_product("10.00")))
    path = f"orders/{order['id']}/discounts/"
    before = rows(shop)

    problem(till.post(path, percent("5")), 400, "idempotency_key_required")

    assert rows(shop) == before
    first, again = (till.post(path, percent("5"), Idempotency_Key="k") for _ in range(2))
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()
    assert till.shown(order)["total"] == "9.50"


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_a_discount_sent_many_times_at_once_is_given_once(till, make_product):
    order = till.sold(line(make_product("10.00")))
    path, body = f"orders/{order['id']}/discounts/", percent("2", id=new_id())

    answers = run_concurrently([lambda: till.post(path, body) for _ in range(5)])

    assert statuses(answers) == {200: 5}
    assert till.shown(order)["total"] == "9.80"


# --- what stays of it -----------------------------------------------------------------------


def test_who_gives_something_away_is_written_down_whatever_the_limits(
    managers_till, edit, make_product, shop, manager
):
    order = managers_till.sold(
        line(make_product("10.00", sku="PEAR"), "2", unit_price="1.00"),
        line(make_product("4.00", sku="PLUM"), discounts=[percent("25", reason="Bruised")]),
        line(make_product("1.00")),
        discounts=[amount("0.60")],
    )

    first, second, _ = order["lines"]
    events = given_events(shop)
    assert [(event, actor) for event, actor, _ in events] == [
        ("discount_given", manager.pk),
        ("price_overridden", manager.pk),
        ("discount_given", manager.pk),
    ]
    assert [facts for *_, facts in events] == [
        {
            "line": None,
            "amount": "0.60",
            "discounts": [{"type": "amount", "value": "0.60", "reason": "", "amount": "0.60"}],
            "approver": None,
        },
        {
            "line": first["id"],
            "sku": "PEAR",
            "quantity": "2",
            "list_price": "10.00",
            "unit_price": "1.00",
            "amount": "18.00",
            "approver": None,
        },
        {
            "line": second["id"],
            "sku": "PLUM",
            "amount": "1.00",
            "discounts": [
                {"type": "percent", "value": "25", "reason": "Bruised", "amount": "1.00"}
            ],
            "approver": None,
        },
    ]


def test_each_edit_writes_down_what_it_gave_more(managers_till, edit, make_product, shop, manager):
    order = managers_till.sold(line(make_product("10.00")))
    first = f"lines/{order['lines'][0]['id']}/"

    def seen():
        return [(event, facts["amount"]) for event, _, facts in given_events(shop)][len(known) :]

    known = []
    for method, rest, body, expected in [
        ("post", "lines/", line(make_product("5.00")), []),
        ("post", "discounts/", percent("10"), [("discount_given", "1.50")]),
        # The same percentage of more.
        ("post", "lines/", line(make_product("5.00")), [("discount_given", "2.00")]),
        ("patch", first, {"note": "kept"}, []),
        (
            "patch",
            first,
            {"unit_price": "8.00"},
            [("price_overridden", "2.00")],
        ),
        (
            "patch",
            first,
            {"quantity": "2"},
            [("discount_given", "2.60"), ("price_overridden", "4.00")],
        ),
        ("patch", first, {"quantity": "1"}, []),
        ("patch", first, {"unit_price": "10.00"}, [("discount_given", "2.00")]),
        (
            "patch",
            first,
            {"unit_price": "11.00"},
            [("discount_given", "2.10"), ("price_overridden", "0.00")],
        ),
    ]:
        answer = edit(order, method, rest, body, by=managers_till)
        assert answer.status_code == 200, answer.content
        assert seen() == expected, (rest, body)
        known += expected


def test_with_an_approval_the_event_names_who_gave_it(till, halved, shop, manager, cashier):
    ((event, actor, facts),) = given_events(shop)

    assert (event, actor, facts["approver"]) == ("discount_given", cashier.pk, str(manager.pk))


def test_uploaded_discounts_and_prices_are_written_down_too(till, make_product, shop):
    seller = UserFactory(tenant=shop)
    items = [
        build_offline_line(make_product("10.00"), "8.00"),
        build_offline_line(make_product("5.00"), "5.00", discounts=[percent("10")]),
    ]

    upload_one_booked(
        till, build_offline_sale(1, *items, payments=[cash("12.50")], cashier=str(seller.pk))
    )

    events = given_events(shop)
    assert [
        (event, actor, facts["amount"], facts["cashier"]) for event, actor, facts in events
    ] == [
        ("price_overridden", till.user.pk, "2.00", str(seller.pk)),
        ("discount_given", till.user.pk, "0.50", str(seller.pk)),
    ]


def test_a_refused_gift_is_no_event(till, make_product, shop, problem):
    problem(till.sell(line(make_product("10.00"), unit_price="1.00")), 403, "approval_required")

    assert given_events(shop) == []


def test_orders_are_found_by_what_they_give_away(till, managers_till, edit, make_product, problem):
    product = make_product("10.00")
    plain = till.sold(line(product))
    off = till.sold(line(product, discounts=[percent("5")]))
    cheap = managers_till.sold(line(product, unit_price="9.00"))
    opened = managers_till.sold(line(make_product("1.00", open_price=True), unit_price="3.00"))
    edited = till.sold(line(product))
    path = f"lines/{edited['lines'][0]['id']}/"
    edit(edited, "patch", path, {"unit_price": "12.00"}, by=managers_till)

    def listed(**query):
        return {each["id"] for each in till.get("orders/", query).json()["results"]}

    ids = {each["id"] for each in (plain, off, cheap, opened, edited)}
    assert listed(discounted="true") == {off["id"]}
    assert listed(discounted="false") == ids - {off["id"]}
    assert listed(price_overridden="true") == {cheap["id"], edited["id"]}
    assert listed(price_overridden="false") == ids - {cheap["id"], edited["id"]}
    refused = till.get("orders/", {"discounted": "maybe"})
    problem(refused, 400, "invalid", {"discounted": "invalid"})
    edit(edited, "patch", path, {"unit_price": "10.00"}, by=managers_till)
    assert listed(price_overridden="true") == {cheap["id"]}
