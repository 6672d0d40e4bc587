"""Sales of products with modifiers: prices, limits, stock, refusals, receipts and open orders."""

import sys
from decimal import Decimal

import pytest

from orders.models import Modifier, Order, OrderLine, Payment, StockLevel, StockMovement
from orders.services.pricing.modifiers import ModifierLookup, ModifierRequest
from orders.services.stock.consistency import find_stock_differences
from orders.services.verification import verify_chains
from tenants.models import OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.barcode_rule import BarcodeRuleFactory
from tests.factories.modifier_list import ModifierFactory
from tests.support.discovery import snapshot_owned_rows
from tests.support.gateway import CAPTURED, TIMED_OUT
from tests.support.labels import add_check_digit
from tests.support.modifiers import choose, modified, set_list, set_modifier
from tests.support.till import (
    amount,
    card,
    cash,
    cash_rest,
    ensure_books_balance,
    get_line,
    get_stock_level,
    line,
    new_id,
    percent,
    resolve_payment,
    set_product,
)
from tests.support.variants import create_variant

pytestmark = pytest.mark.django_db


def count_rows(shop):
    with tenant_scope(shop):
        return [model.objects.count() for model in (Order, OrderLine, Payment, StockMovement)]


def describe(sold):
    return [(each["name"], each["price"], each["quantity"]) for each in sold["modifiers"]]


def test_modifiers_are_stored_under_their_line_and_add_to_its_price(till, shop, latte, mods):
    chosen = (mods["Oat"], (mods["Shot"], 2), mods["Large"])

    order = till.sold(modified(latte, *chosen, quantity="2"), payments=[cash("12.40")])

    assert (order["status"], order["total"]) == ("completed", "12.40")
    sold = get_line(order)
    assert describe(sold) == [("Large", "0.50", 1), ("Oat", "0.60", 1), ("Shot", "0.80", 2)]
    assert sold["modifiers"][1] == {
        "modifier": str(mods["Oat"].pk),
        "list": str(mods["Oat"].modifier_list_id),
        "list_name": "Milk",
        "name": "Oat",
        "price": "0.60",
        "quantity": 1,
        "product": str(mods["Oat"].product_id),
    }
    assert (sold["unit_price"], sold["list_price"], sold["modifiers_price"]) == (
        "3.50",
        "3.50",
        "2.70",
    )
    assert (sold["gross"], sold["missing_modifiers"]) == ("12.40", [])
    # Taxed as the product: 19 percent included.
    assert (sold["taxes"][0]["taxable"], sold["taxes"][0]["amount"]) == ("10.42", "1.98")
    assert order == till.shown(order)
    assert till.get("orders/").json()["results"] == [order]
    with tenant_scope(shop):
        assert list(verify_chains()) == []


def test_line_without_modifiers_has_none(till, product):
    sold = get_line(till.sold(line(product), payments=[cash_rest()]))

    shown = (sold["modifiers"], sold["modifiers_price"], sold["missing_modifiers"])
    assert shown == ([], "0.00", [])


def test_later_changes_do_not_change_a_sale(till, latte, mods):
    order = till.sold(modified(latte, mods["Large"]), payments=[cash_rest()])

    set_modifier(mods["Large"], name="Huge", price=Decimal("9.00"))
    set_list(mods["Large"], name="Cup")

    assert till.shown(order) == order


def test_discounts_are_taken_off_the_price_with_modifiers(managers_till, latte, mods):
    order = managers_till.sold(
        modified(latte, mods["Large"], quantity="2", discounts=[percent("10")]),
        discounts=[amount("1.20")],
    )

    sold = get_line(order)
    assert (sold["gross"], sold["discount_total"], sold["net"]) == ("8.00", "2.00", "6.00")


@pytest.mark.parametrize(
    ("typed", "allowed"), [("3.10", True), ("3.09", False), ("3.90", True), ("3.91", False)]
)
def test_override_replaces_the_base_price_and_is_measured_with_modifiers(
    till, configure_shop, latte, mods, typed, allowed, problem
):
    """A tenth of 3.50 + 0.50 is 0.40: that is how much the price may differ."""
    shop = latte.tenant
    limits = shop.limits
    limits["cashier"] |= {"price_override_percent": "10"}
    configure_shop(limits=limits)
    before = count_rows(shop)

    response = till.sell(modified(latte, mods["Large"], unit_price=typed))

    if not allowed:
        problem(response, 403, "approval_required")
        assert count_rows(shop) == before
        return
    sold = get_line(response.json())
    assert (sold["unit_price"], sold["list_price"]) == (typed, "3.50")
    assert Decimal(sold["gross"]) == Decimal(typed) + Decimal("0.50")


def test_stock_of_the_modifier_is_taken_times_the_quantity_of_the_line(
    till, shop, store, latte, oat_milk, mods
):
    set_list(mods["Oat"], allow_quantity=True, max=None)
    chosen = (mods["Small"], (mods["Oat"], 2))

    till.sold(modified(latte, *chosen, quantity="3"), payments=[cash_rest()])

    assert get_stock_level(oat_milk, store) == (4, 0)
    assert get_stock_level(latte, store) == (17, 0)
    with tenant_scope(shop):
        moved = StockMovement.objects.filter(product=oat_milk, type="sale")
        assert [each.quantity for each in moved] == [-6]
    ensure_books_balance(shop)


def test_missing_stock_of_a_modifier_blocks_the_sale(
    till, store, configure_shop, latte, oat_milk, mods, problem
):
    shop = configure_shop(stock_policy="block")
    before = count_rows(shop)

    refused = till.sell(
        modified(latte, mods["Small"], mods["Oat"], quantity="11"), payments=[cash_rest()]
    )

    short = problem(refused, 409, "insufficient_stock")["short"]
    described = [(each["sku"], each["name"], each["wanted"]) for each in short]
    assert described == [("OAT", "Oat milk portion", "11")]
    assert count_rows(shop) == before
    assert get_stock_level(oat_milk, store) == (10, 0)


def test_event_of_low_stock_names_the_product_of_the_modifier(till, shop, latte, oat_milk, mods):
    with tenant_scope(shop):
        StockLevel.objects.filter(product=oat_milk).update(reorder_point=9)

    till.sold(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])

    with tenant_scope(shop):
        (event,) = OutboxEvent.objects.filter(topic="stock.low")
    assert (event.data["sku"], event.data["name"]) == ("OAT", "Oat milk portion")


def test_product_without_stock_is_not_taken(till, shop, store, latte, oat_milk, mods):
    set_product(shop, oat_milk, track_stock=False)

    till.sold(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])

    assert get_stock_level(oat_milk, store) == (10, 0)


def test_product_that_got_variants_is_not_taken(till, store, latte, oat_milk, mods):
    create_variant(oat_milk, Size="M")

    till.sold(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])

    assert get_stock_level(oat_milk, store) == (10, 0)


def test_stock_of_modifiers_is_reserved_while_a_card_is_charged(
    till, store, latte, oat_milk, mods, gateway, manager_client
):
    shop = latte.tenant
    gateway.answers = [TIMED_OUT, CAPTURED]

    order = till.sold(modified(latte, mods["Small"], mods["Oat"]), payments=[card("4.10")])

    assert get_stock_level(oat_milk, store) == (10, 1)
    with tenant_scope(shop):
        assert [
            each for each in find_stock_differences(shop) if each.reserved != each.underway
        ] == []
    assert resolve_payment(manager_client, order).json()["status"] == "completed"
    assert get_stock_level(oat_milk, store) == (9, 0)


def test_more_modifiers_of_a_line_than_100_are_rejected(till, shop, latte, mods, problem):
    before = count_rows(shop)

    refused = till.sell(line(latte, modifiers=choose(mods["Small"]) * 101), payments=[cash_rest()])

    problem(refused, 400, "invalid", {"lines[0].modifiers": "max_length"})
    assert count_rows(shop) == before


def count_calls(act):
    """Return how many functions of Python are called."""
    calls = []
    sys.setprofile(lambda frame, event, arg: calls.append(event) if event == "call" else None)
    try:
        act()
    finally:
        sys.setprofile(None)
    return len(calls)


def test_choice_costs_the_same_in_a_list_of_any_size(shop, latte, mods):
    """Each line of a request is looked up, and a product may have 2,000 modifiers."""

    def choose_last(modifiers):
        lookup, wanted = ModifierLookup(modifiers), [ModifierRequest(modifiers[-1].pk)]
        lookup.choose(latte, wanted)
        return count_calls(
            lambda: (
                list(lookup.find_errors("", latte, wanted, latte.sold_by)),
                lookup.choose(latte, wanted),
            )
        )

    row = mods["Shot"].modifier_list
    latte.modifier_lists = [str(row.pk)]
    with tenant_scope(shop):
        many = [Modifier(modifier_list=row, position=at, name=f"{at}") for at in range(100)]
        assert choose_last(many) == choose_last(many[:2])


@pytest.mark.parametrize(
    ("build", "errors"),
    [
        (lambda mods: choose(), {"lines[0].modifiers": "required"}),
        (
            lambda mods: choose(mods["Small"], mods["Large"]),
            {"lines[0].modifiers": "max"},
        ),
        (
            lambda mods: choose(mods["Small"], (mods["Shot"], 2), (mods["Syrup"], 2)),
            {"lines[0].modifiers": "max"},
        ),
        (
            lambda mods: choose((mods["Small"], 2)),
            {"lines[0].modifiers[0].quantity": "max_value", "lines[0].modifiers": "max"},
        ),
        (
            lambda mods: choose(mods["Small"], mods["Shot"], mods["Shot"]),
            {"lines[0].modifiers[2].modifier": "repeated"},
        ),
        (
            lambda mods: [*choose(mods["Small"]), {"modifier": new_id()}],
            {"lines[0].modifiers[1].modifier": "does_not_exist"},
        ),
        (lambda mods: [{"modifier": "x"}], {"lines[0].modifiers[0].modifier": "invalid"}),
        (lambda mods: [{}], {"lines[0].modifiers[0].modifier": "required"}),
        (
            lambda mods: choose((mods["Shot"], 101)),
            {"lines[0].modifiers[0].quantity": "max_value"},
        ),
        (
            lambda mods: [{**choose(mods["Small"])[0], "price": "0.00"}],
            {"lines[0].modifiers[0].price": "unknown_field"},
        ),
    ],
)
def test_invalid_choice_is_rejected(build, errors, till, shop, latte, mods, problem):
    before = count_rows(shop)

    refused = till.sell(line(latte, modifiers=build(mods)), payments=[cash_rest()])

    problem(refused, 400, "invalid", errors)
    assert count_rows(shop) == before


def test_modifier_of_another_product_is_rejected(till, shop, product, latte, mods, problem):
    before = count_rows(shop)

    refused = till.sell(modified(product, mods["Large"]), payments=[cash_rest()])

    errors = {"lines[0].modifiers[0].modifier": "does_not_exist"}
    problem(refused, 400, "invalid", errors)
    assert count_rows(shop) == before


@pytest.mark.parametrize("change", [set_modifier, set_list])
def test_inactive_modifier_is_rejected(change, till, shop, latte, mods, problem):
    change(mods["Oat"], is_active=False)
    before = count_rows(shop)

    refused = till.sell(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])

    problem(refused, 400, "invalid", {"lines[0].modifiers[1].modifier": "not_on_sale"})
    assert count_rows(shop) == before


def test_inactive_list_is_not_required(till, latte, mods):
    set_list(mods["Small"], is_active=False)

    assert till.sold(line(latte), payments=[cash_rest()])["status"] == "completed"


def test_returned_goods_have_no_modifiers(till, shop, make_product, mods, problem):
    empty = make_product("0.25", sku="EMPTY", returnable=True)
    before = count_rows(shop)

    refused = till.sell(modified(empty, mods["Small"], quantity="-1"))

    errors = {
        "lines[0].modifiers": "returned",
        "lines[0].modifiers[0].modifier": "does_not_exist",
    }
    problem(refused, 400, "invalid", errors)
    assert count_rows(shop) == before


def test_free_product_is_not_completed_without_its_choice(till, shop, latte, mods, problem):
    set_product(shop, latte, price=Decimal(0))
    before = count_rows(shop)

    problem(till.sell(line(latte)), 400, "invalid", {"lines[0].modifiers": "required"})
    assert count_rows(shop) == before
    assert till.sold(modified(latte, mods["Small"]))["status"] == "completed"


@pytest.mark.usefixtures("mods")
def test_position_of_the_error_is_that_of_the_request(till, shop, latte, make_product, problem):
    deposit = make_product("0.25", sku="DEPOSIT")
    bottle = make_product("1.00", sku="WATER", deposit=deposit)
    before = count_rows(shop)

    refused = till.sell(line(bottle), line(latte), payments=[cash_rest()])

    problem(refused, 400, "invalid", {"lines[1].modifiers": "required"})
    assert count_rows(shop) == before


def test_calculation_shows_modifiers_and_what_is_missing(till, latte, mods):
    body = {"lines": [modified(latte, (mods["Shot"], 2), quantity="2")]}

    shown = till.post("orders/calculate/", body).json()

    priced = get_line(shown)
    assert (priced["unit_price"], priced["modifiers_price"], priced["gross"]) == (
        "3.50",
        "1.60",
        "10.20",
    )
    assert describe(priced) == [("Shot", "0.80", 2)]
    size = {"list": str(mods["Small"].modifier_list_id), "name": "Size", "min": 1}
    assert priced["missing_modifiers"] == [size]
    assert priced["trace"][0] == {
        "step": "gross",
        "quantity": "2",
        "unit_price": "5.10",
        "fixed_gross": None,
        "amount": "10.20",
    }


@pytest.fixture
def salad(shop, make_product, mods, latte):
    """A product by weight at 12.00 with the optional lists of the latte, and rules for labels."""
    for pattern, kind in (("20IIIIIVVVVVC", "weight"), ("21IIIIIVVVVVC", "price")):
        BarcodeRuleFactory(tenant=shop, pattern=pattern, kind=kind)
    return make_product(
        "12.00",
        sku="SALAD",
        sold_by="weight",
        plu="7",
        modifier_lists=latte.modifier_lists[1:],
    )


def test_modifier_of_goods_by_weight_adds_to_the_price_of_a_kilogram(
    till, shop, store, salad, oat_milk, mods
):
    """What it takes from stock is divided by weight too."""
    set_product(shop, oat_milk, sold_by="weight")
    body = {"barcode": add_check_digit("200000700250"), "modifiers": choose(mods["Oat"])}

    sold = get_line(till.sold(body, payments=[cash_rest()]))

    assert (sold["quantity"], sold["gross"]) == ("0.25", "3.15")
    assert get_stock_level(oat_milk, store) == (Decimal("9.75"), 0)


def test_goods_by_weight_take_no_part_of_a_unit(till, shop, store, salad, oat_milk, mods, problem):
    order = till.sold({"product": str(salad.pk), "quantity": "0.25"})
    label = {"barcode": add_check_digit("200000700250"), "modifiers": choose(mods["Oat"])}
    whole = modified(salad, mods["Oat"])
    before = snapshot_owned_rows()

    code = "sold_by_unit"
    for body in (label, whole):
        refused = till.sell(body, payments=[cash_rest()])
        problem(refused, 400, "invalid", {"lines[0].modifiers[0].modifier": code})
    calculated = till.post("orders/calculate/", {"lines": [whole]})
    problem(calculated, 400, "invalid", {"lines[0].modifiers[0].modifier": code})
    changed = change(till, order, modifiers=choose(mods["Oat"]))
    problem(changed, 400, "invalid", {"modifiers[0].modifier": code})
    path = f"orders/{order['id']}/lines/"
    problem(till.post(path, whole), 400, "invalid", {"modifiers[0].modifier": code})

    assert snapshot_owned_rows() == before
    assert get_stock_level(oat_milk, store) == (Decimal(10), 0)


def test_goods_by_weight_take_modifiers_without_stock(till, shop, store, salad, oat_milk, mods):
    set_product(shop, oat_milk, track_stock=False)
    body = {"product": str(salad.pk), "quantity": "0.25", "modifiers": choose(mods["Oat"])}

    sold = get_line(till.sold(body, payments=[cash_rest()]))

    assert sold["gross"] == "3.15"
    assert get_stock_level(oat_milk, store) == (Decimal(10), 0)


def test_price_label_takes_no_modifiers(till, shop, salad, oat_milk, mods, problem):
    set_product(shop, oat_milk, sold_by="weight")
    code = add_check_digit("210000700500")
    before = count_rows(shop)

    refused = till.sell({"barcode": code, "modifiers": choose(mods["Oat"])})

    problem(refused, 400, "invalid", {"lines[0].modifiers": "fixed_by_label"})
    assert count_rows(shop) == before
    assert till.sold({"barcode": code}, payments=[cash_rest()])["total"] == "5.00"
    order = till.sold({"barcode": code})
    problem(
        change(till, order, modifiers=choose(mods["Oat"])),
        400,
        "invalid",
        {"modifiers": "fixed_by_label"},
    )
    assert till.shown(order) == order


def test_price_label_does_not_replace_a_required_choice(till, shop, salad, latte, problem):
    set_product(shop, salad, modifier_lists=latte.modifier_lists)
    body = {"barcode": add_check_digit("210000700500")}
    before = count_rows(shop)

    refused = till.sell(body, payments=[cash_rest()])

    problem(refused, 400, "invalid", {"lines[0].modifiers": "required"})
    assert count_rows(shop) == before


def test_modifiers_of_another_shop_do_not_exist(till, shop, other_shop, latte, mods, problem):
    theirs = ModifierFactory(tenant=other_shop, modifier_list__name="Size")
    before = count_rows(shop)

    refused = till.sell(modified(latte, mods["Small"], theirs), payments=[cash_rest()])
    problem(refused, 400, "invalid", {"lines[0].modifiers[1].modifier": "does_not_exist"})
    # Also if a product were to name their list.
    set_product(shop, latte, modifier_lists=[str(theirs.modifier_list_id)])
    refused = till.sell(modified(latte, theirs), payments=[cash_rest()])

    problem(refused, 400, "invalid", {"lines[0].modifiers[0].modifier": "does_not_exist"})
    assert count_rows(shop) == before


# --- open orders -------------------------------------------------------------------------------


def change(till, order, **changes):
    path = f"orders/{order['id']}/lines/{order['lines'][0]['id']}/"
    return till.patch(path, changes, If_Match="*")


def test_open_order_is_paid_once_its_modifiers_are_chosen(till, shop, latte, mods, problem):
    order = till.sold(line(latte))
    missing = [each["name"] for each in get_line(order)["missing_modifiers"]]
    assert (order["status"], missing) == ("open", ["Size"])
    before = count_rows(shop)

    refused = till.pay(order, cash("3.50"))

    problem(refused, 400, "invalid", {"lines[0].modifiers": "required"})
    assert count_rows(shop) == before
    changed = change(till, order, modifiers=choose(mods["Large"], mods["Oat"])).json()
    assert (changed["total"], get_line(changed)["missing_modifiers"]) == ("4.60", [])
    assert till.pay(order, cash("4.60")).json()["status"] == "completed"


def test_line_misses_what_a_list_requires_since_its_last_change(
    till, shop, product, latte, mods, problem
):
    order = till.sold(line(product))
    set_product(shop, product, modifier_lists=latte.modifier_lists)

    changed = change(till, order, note="hot").json()

    assert [each["name"] for each in get_line(changed)["missing_modifiers"]] == ["Size"]
    problem(till.pay(changed, cash_rest()), 400, "invalid", {"lines[0].modifiers": "required"})
    assert till.shown(order) == changed


def test_list_that_requires_more_meanwhile_is_checked_before_payment(
    till, shop, latte, mods, problem
):
    order = till.sold(modified(latte, mods["Small"]))
    set_list(mods["Oat"], min=1)
    before = count_rows(shop)

    refused = till.pay(order, cash_rest())

    problem(refused, 400, "invalid", {"lines[0].modifiers": "required"})
    assert count_rows(shop) == before
    chosen = change(till, order, modifiers=choose(mods["Small"], mods["Oat"])).json()
    assert till.pay(chosen, cash_rest()).json()["status"] == "completed"


def test_required_list_that_is_archived_or_detached_is_not_required_for_payment(
    till, shop, latte, mods
):
    order, other = till.sold(line(latte)), till.sold(line(latte))
    set_list(mods["Small"], is_active=False)

    paid = till.pay(order, cash_rest()).json()

    assert (paid["status"], get_line(paid)["missing_modifiers"]) == ("completed", [])
    assert till.shown(paid)["lines"] == paid["lines"]
    set_list(mods["Small"], is_active=True)
    set_product(shop, latte, modifier_lists=None)
    assert till.pay(other, cash_rest()).json()["status"] == "completed"


def test_chosen_modifier_counts_although_it_is_gone(till, shop, latte, mods):
    order = till.sold(modified(latte, mods["Large"]))
    with tenant_scope(shop):
        mods["Large"].delete()

    changed = change(till, order, note="hot").json()

    assert get_line(changed)["missing_modifiers"] == []
    assert till.pay(order, cash_rest()).json()["status"] == "completed"


def test_edit_that_would_complete_the_order_needs_its_modifiers(
    till, shop, product, latte, mods, problem
):
    order = till.sold(line(product), line(product))
    till.pay(order, cash("2.50"))
    path = f"orders/{order['id']}/"
    added = till.post(f"{path}lines/", line(latte, discounts=[]))
    assert added.status_code == 200
    before = till.shown(order)

    free = till.patch(
        f"{path}lines/{before['lines'][2]['id']}/", {"unit_price": "0.00"}, If_Match="*"
    )
    problem(free, 403, "approval_required")
    gone = till.delete(f"{path}lines/{before['lines'][1]['id']}/")
    assert gone.json()["status"] == "open"
    assert [each["name"] for each in till.shown(order)["lines"]] == ["Apple", "Latte"]


def test_added_line_has_modifiers_and_repeating_it_adds_nothing(till, latte, mods, problem):
    order = till.sold()
    path = f"orders/{order['id']}/lines/"
    body = modified(latte, mods["Large"], mods["Oat"], id=new_id())

    added = till.post(path, body).json()

    assert (added["total"], len(added["lines"])) == ("4.60", 1)
    assert till.post(path, body).json() == added
    # In any order.
    assert till.post(path, {**body, "modifiers": body["modifiers"][::-1]}).json() == added
    other = {**body, "modifiers": choose(mods["Small"])}
    problem(till.post(path, other), 409, "id_conflict")
    assert till.shown(order) == added


@pytest.mark.parametrize("archived", ["modifier", "list", "product"])
def test_added_line_is_repeated_although_its_goods_are_archived(
    archived, till, shop, latte, mods, problem
):
    order = till.sold()
    path = f"orders/{order['id']}/lines/"
    body = modified(latte, mods["Small"], mods["Shot"], id=new_id())
    added = till.post(path, body).json()
    if archived == "modifier":
        set_modifier(mods["Shot"], is_active=False)
    elif archived == "list":
        set_list(mods["Shot"], is_active=False)
    else:
        set_product(shop, latte, is_active=False)

    again = till.post(path, body)

    assert (again.status_code, again.json()) == (200, added)
    other = {**body, "modifiers": choose(mods["Small"])}
    problem(till.post(path, other), 409, "id_conflict")
    unknown = {**body, "product": new_id()}
    problem(till.post(path, unknown), 409, "id_conflict")
    assert till.shown(order) == added


def test_invalid_modifiers_of_an_added_line_are_rejected(till, latte, mods, problem):
    order = till.sold()

    refused = till.post(
        f"orders/{order['id']}/lines/", modified(latte, mods["Small"], mods["Large"])
    )

    problem(refused, 400, "invalid", {"modifiers": "max"})
    assert till.shown(order) == order


def test_modifiers_of_a_line_are_replaced_at_their_current_prices(till, latte, mods):
    order = till.sold(modified(latte, mods["Large"], mods["Shot"]))
    set_modifier(mods["Large"], price=Decimal("0.70"))

    same = change(till, order, note="hot").json()
    assert get_line(same)["modifiers_price"] == "1.30"
    changed = change(till, order, modifiers=choose(mods["Large"])).json()
    assert (describe(get_line(changed)), changed["total"]) == ([("Large", "0.70", 1)], "4.20")
    none = change(till, order, modifiers=[]).json()
    assert (get_line(none)["modifiers"], none["total"]) == ([], "3.50")
    assert [each["name"] for each in get_line(none)["missing_modifiers"]] == ["Size"]


def test_another_quantity_takes_over_the_current_prices_of_modifiers(till, shop, latte, mods):
    order = till.sold(modified(latte, mods["Large"], mods["Shot"]))
    set_modifier(mods["Large"], price=Decimal("0.70"))
    set_product(shop, latte, price=Decimal("4.00"))
    with tenant_scope(shop):
        mods["Shot"].delete()

    changed = change(till, order, quantity="2").json()

    # The shot is gone: its price stays.
    assert describe(get_line(changed)) == [("Large", "0.70", 1), ("Shot", "0.80", 1)]
    assert changed["total"] == "11.00"


@pytest.mark.parametrize(
    ("build", "errors"),
    [
        (lambda mods: choose(mods["Small"], mods["Large"]), {"modifiers": "max"}),
        (lambda mods: [{"modifier": new_id()}], {"modifiers[0].modifier": "does_not_exist"}),
    ],
)
def test_invalid_change_of_modifiers_is_rejected(build, errors, till, latte, mods, problem):
    order = till.sold(modified(latte, mods["Large"]))

    problem(change(till, order, modifiers=build(mods)), 400, "invalid", errors)
    assert till.shown(order) == order


def test_modifiers_of_a_deposit_are_rejected(till, shop, latte, make_product, mods, problem):
    deposit = make_product("0.25", sku="DEPOSIT", modifier_lists=latte.modifier_lists)
    order = till.sold(line(make_product("1.00", sku="WATER", deposit=deposit)))
    charged = order["lines"][1]

    refused = till.patch(
        f"orders/{order['id']}/lines/{charged['id']}/", {"modifiers": []}, If_Match="*"
    )

    problem(refused, 409, "deposit_line")
    assert till.shown(order) == order


def test_same_order_again_is_the_same_and_other_modifiers_conflict(till, latte, mods, problem):
    body = till.order(modified(latte, mods["Large"]), payments=[cash_rest()])
    made = till.post("orders/", body)

    assert (made.status_code, till.post("orders/", body).status_code) == (201, 200)
    body["lines"][0]["modifiers"] = choose(mods["Small"])
    problem(till.post("orders/", body), 409, "id_conflict")
    assert till.shown(made.json()) == made.json()
