"""Modifier lists in the admin: the table of modifiers, and the lists of a product."""

import pytest

from orders.models import Modifier, ModifierList, Product
from tenants.scope import tenant_scope
from tests.factories.modifier_list import ModifierListFactory
from tests.support.admin_browser import read_errors, snapshot_database, submit_form
from tests.support.modifiers import attach_modifiers, modified
from tests.support.till import Till, cash_rest

pytestmark = pytest.mark.once

LISTS = "/admin/orders/modifierlist/"
PRODUCTS = "/admin/orders/product/"


def build_table(*rows):
    """Return the form fields of the table of modifiers."""
    sent = {"modifiers-count": str(len(rows))}
    for number, (name, price, *more) in enumerate(rows):
        values = dict(more)
        sent |= {f"modifiers-{number}-name": name, f"modifiers-{number}-price": price}
        sent |= {f"modifiers-{number}-{key}": value for key, value in values.items()}
    return sent


ACTIVE = ("is_active", "on")


def list_modifiers(shop):
    with tenant_scope(shop):
        rows = Modifier.objects.order_by("position").select_related("product")
        return [
            (each.name, str(each.price), each.product and each.product.sku, each.is_active)
            for each in rows
        ]


def test_manager_adds_and_changes_a_list(managers_browser, product, shop):
    form = {"name": "Milk", "min": "1", "max": "1", "is_active": "on"}
    table = build_table(
        ("Whole", "", ACTIVE), ("", ""), ("Oat", "0.60", ("product", " APPLE "), ACTIVE)
    )

    assert submit_form(managers_browser, f"{LISTS}add/", **form, **table).status_code == 302

    assert list_modifiers(shop) == [
        ("Whole", "0.000", None, True),
        ("Oat", "0.600", "APPLE", True),
    ]
    with tenant_scope(shop):
        milk = ModifierList.objects.get()
        whole, oat = milk.modifiers.all()
    page = f"{LISTS}{milk.pk}/change/"
    body = managers_browser.get(page).content.decode()
    assert all(f'value="{text}"' in body for text in ("Whole", "Oat", "0,60", "APPLE", oat.pk))
    table = build_table(("Oat", "0.70", ("id", str(oat.pk))), ("Soy", "0.50", ACTIVE))
    assert submit_form(managers_browser, page, max="", **table).status_code == 302
    assert list_modifiers(shop) == [("Oat", "0.700", None, False), ("Soy", "0.500", None, True)]
    with tenant_scope(shop):
        assert ModifierList.objects.get().max is None
        assert not Modifier.objects.filter(pk=whole.pk).exists()


@pytest.mark.parametrize(
    ("form", "rows", "words"),
    [
        ({"min": "2"}, [("Whole", "", ACTIVE)], "active modifiers"),
        ({}, [("", "")], "This field is required."),
        ({}, [("Whole", "1,2,0", ACTIVE)], "Enter an amount such as 12.50."),
        ({}, [("", "1.20", ACTIVE)], "modifiers[0].name"),
        ({}, [("Oat", "", ("product", "NOWHERE"), ACTIVE)], "no product has the SKU NOWHERE"),
        ({}, [("Oat", "", ACTIVE), ("Oat", "", ACTIVE)], "This name already exists."),
    ],
    ids=str,
)
def test_invalid_list_is_rejected_with_a_message(form, rows, words, managers_browser):
    before = snapshot_database(ModifierList, Modifier)
    form = {"name": "Milk", "min": "1", "is_active": "on", **form, **build_table(*rows)}

    response = submit_form(managers_browser, f"{LISTS}add/", **form)

    assert words in read_errors(response)
    assert snapshot_database(ModifierList, Modifier) == before


def test_product_page_has_its_lists_in_order(managers_browser, product, shop):
    size, milk = (ModifierListFactory(tenant=shop, name=name) for name in ("Size", "Milk"))
    page = f"{PRODUCTS}{product.pk}/change/"

    assert (
        submit_form(managers_browser, page, modifier_lists="Milk\r\n Size \r\n").status_code == 302
    )

    with tenant_scope(shop):
        assert Product.objects.get().modifier_lists == [str(milk.pk), str(size.pk)]
    assert ">\nMilk\nSize</textarea>" in managers_browser.get(page).content.decode()
    assert submit_form(managers_browser, page, price="3.00").status_code == 302
    with tenant_scope(shop):
        assert Product.objects.get().modifier_lists == [str(milk.pk), str(size.pk)]


def test_unknown_list_is_rejected_with_a_message(managers_browser, product):
    before = snapshot_database(Product)

    response = submit_form(
        managers_browser, f"{PRODUCTS}{product.pk}/change/", modifier_lists="Cup"
    )

    assert "There is no modifier list Cup." in read_errors(response)
    assert snapshot_database(Product) == before


def test_order_page_shows_chosen_modifiers(managers_browser, cashier, register, product, shop):
    mods = attach_modifiers(shop, product)
    order = Till(cashier, register).sold(
        modified(product, mods["Large"], (mods["Shot"], 2)), payments=[cash_rest()]
    )

    body = managers_browser.get(f"/admin/orders/order/{order['id']}/change/").content.decode()

    assert "+ Large 0.50" in body
    assert "+ 2 x Shot 0.80" in body
