"""Audit events of discounts and price overrides, and the filters of the order list."""

import pytest

from tests.factories.accounts import UserFactory
from tests.support.offline import build_offline_line, build_offline_sale, upload_one_booked
from tests.support.price_reductions import reduction_events
from tests.support.till import amount, cash, line, percent

pytestmark = pytest.mark.django_db


def test_reductions_are_audited_also_within_the_limits(
    managers_till, edit, make_product, shop, manager
):
    order = managers_till.sold(
        line(make_product("10.00", sku="PEAR"), "2", unit_price="1.00"),
        line(make_product("4.00", sku="PLUM"), discounts=[percent("25", reason="Bruised")]),
        line(make_product("1.00")),
        discounts=[amount("0.60")],
    )

    first, second, _ = order["lines"]
    events = reduction_events(shop)
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


def test_each_edit_audits_the_additional_reduction(
    managers_till, edit, make_product, shop, manager
):
    order = managers_till.sold(line(make_product("10.00")))
    first = f"lines/{order['lines'][0]['id']}/"

    def new_events():
        return [(event, facts["amount"]) for event, _, facts in reduction_events(shop)][
            len(known) :
        ]

    known = []
    for method, rest, body, expected in [
        ("post", "lines/", line(make_product("5.00")), []),
        ("post", "discounts/", percent("10"), [("discount_given", "1.50")]),
        # The same percentage of a larger order.
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
        assert new_events() == expected, (rest, body)
        known += expected


def test_approved_discount_is_audited_with_its_approver(
    till, order_at_half_price, shop, manager, cashier
):
    ((event, actor, facts),) = reduction_events(shop)

    assert (event, actor, facts["approver"]) == ("discount_given", cashier.pk, str(manager.pk))


def test_offline_reductions_are_audited_with_the_seller(till, make_product, shop):
    seller = UserFactory(tenant=shop)
    items = [
        build_offline_line(make_product("10.00"), "8.00"),
        build_offline_line(make_product("5.00"), "5.00", discounts=[percent("10")]),
    ]

    upload_one_booked(
        till, build_offline_sale(1, *items, payments=[cash("12.50")], cashier=str(seller.pk))
    )

    events = reduction_events(shop)
    assert [
        (event, actor, facts["amount"], facts["cashier"]) for event, actor, facts in events
    ] == [
        ("price_overridden", till.user.pk, "2.00", str(seller.pk)),
        ("discount_given", till.user.pk, "0.50", str(seller.pk)),
    ]


def test_refused_reduction_is_not_audited(till, make_product, shop, problem):
    problem(till.sell(line(make_product("10.00"), unit_price="1.00")), 403, "approval_required")

    assert reduction_events(shop) == []


def test_order_list_filters_by_discount_and_price_override(
    till, managers_till, edit, make_product, problem
):
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
