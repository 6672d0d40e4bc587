"""A café: a latte with size, milk and extras."""

import pytest

from tests.support.modifiers import attach_modifiers


@pytest.fixture
def oat_milk(make_product):
    """What the milk takes from stock."""
    return make_product("1.00", stock="10", sku="OAT", name="Oat milk portion")


@pytest.fixture
def latte(make_product):
    return make_product("3.50", stock="20", sku="LATTE", name="Latte")


@pytest.fixture
def mods(shop, latte, oat_milk):
    """Return the modifiers of the latte by their names."""
    return attach_modifiers(shop, latte, takes=oat_milk)
