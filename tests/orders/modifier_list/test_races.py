"""Modifiers that are archived, deleted or repriced while they are sold."""

from decimal import Decimal

import pytest

from orders.models import Modifier, Order
from orders.services.verification import verify_chains
from tenants.scope import tenant_scope
from tests.support.modifiers import modified
from tests.support.parallel import run_concurrently
from tests.support.till import cash_rest, ensure_books_balance, get_stock_level

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

SALES = 6
CHANGES = {
    "archived": lambda rows: [{**rows[0], "is_active": False}, rows[1]],
    "deleted": lambda rows: rows[1:],
    "repriced": lambda rows: [{**rows[0], "price": "0.90"}, rows[1]],
}


def build_change(manager_client, change, oat, oat_milk):
    """Return a function that changes the oat milk of the list."""
    oat = {"id": str(oat.pk), "name": "Oat", "price": "0.60", "product": str(oat_milk.pk)}
    body = {"modifiers": CHANGES[change]([oat, {"name": "Soy"}])}
    with tenant_scope(oat_milk.tenant):
        path = f"modifier-lists/{Modifier.objects.get(pk=oat['id']).modifier_list_id}/"
    return lambda: manager_client.patch(path, body, If_Match="*")


def build_sale(till, latte, mods):
    body = till.order(modified(latte, mods["Small"], mods["Oat"]), payments=[cash_rest()])
    return lambda: till.post("orders/", body)


@pytest.mark.parametrize("change", CHANGES)
def test_modifier_that_changes_while_it_is_sold_is_sold_as_it_was_or_refused(
    change, tills, manager_client, store, latte, oat_milk, mods
):
    works = [build_sale(tills[at % 4], latte, mods) for at in range(SALES)]
    works.append(build_change(manager_client, change, mods["Oat"], oat_milk))

    *sold, changed = run_concurrently(works)

    assert changed.status_code == 200
    booked = [each.json() for each in sold if each.status_code == 201]
    refused = [each.json() for each in sold if each.status_code != 201]
    assert {each["errors"][0]["code"] for each in refused} <= {"does_not_exist", "not_on_sale"}
    assert change != "repriced" or not refused
    prices = {each["lines"][0]["modifiers_price"] for each in booked}
    assert prices <= {"0.60", "0.90"}
    assert get_stock_level(oat_milk, store) == (10 - len(booked), 0)
    ensure_books_agree(store.tenant, booked)


def ensure_books_agree(shop, booked):
    """Assert that the sales are booked at the prices that they show."""
    for each in booked:
        price = Decimal(each["lines"][0]["modifiers_price"])
        assert Decimal(each["total"]) == Decimal("3.50") + price
    with tenant_scope(shop):
        assert Order.objects.count() == len(booked)
        assert list(verify_chains()) == []
    ensure_books_balance(shop)
