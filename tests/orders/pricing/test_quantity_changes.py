"""Prices of a line whose quantity changes."""

from decimal import Decimal

import pytest

from tests.support.price_reductions import change_price, snapshot_rows
from tests.support.till import line

pytestmark = pytest.mark.django_db


def test_changed_quantity_reprices_the_line(till, edit, make_product):
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


@pytest.mark.parametrize("overridden_when", ["added", "changed"])
@pytest.mark.parametrize("price", ["0.90", "1.00"])
def test_overridden_price_is_kept_and_compared_with_the_new_list_price(
    managers_till, edit, make_product, shop, problem, price, overridden_when
):
    product = make_product("1.00", stock="500")
    override = {"unit_price": price}
    order = managers_till.sold(line(product, **(override if overridden_when == "added" else {})))
    path = f"lines/{order['lines'][0]['id']}/"
    if overridden_when == "changed":
        assert edit(order, "patch", path, override, by=managers_till).status_code == 200
    change_price(product, "100.00")
    before = snapshot_rows(shop)

    refused = problem(edit(order, "patch", path, {"quantity": "2"}), 403, "approval_required")

    assert (refused["action"], refused["amount"]) == (
        "price_override",
        str(200 - 2 * Decimal(price)),
    )
    assert snapshot_rows(shop) == before
    (changed,) = edit(order, "patch", path, {"quantity": "2"}, by=managers_till).json()["lines"]
    assert (changed["unit_price"], changed["list_price"]) == (price, "100.00")
    assert changed["total"] == str(2 * Decimal(price))


def test_open_price_is_kept_on_quantity_changes(till, edit, make_product):
    hour = make_product("50.00", open_price=True)
    order = till.sold(line(hour, unit_price="10.00"))
    change_price(hour, "99.00")

    answer = edit(order, "patch", f"lines/{order['lines'][0]['id']}/", {"quantity": "2"})

    assert answer.json()["total"] == "20.00"
