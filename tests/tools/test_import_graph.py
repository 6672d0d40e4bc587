"""The drawing of the imports."""

import re

from tests.tools.import_graph import draw, rank, read_graph, without_implied

GRAPH = {"orders": {"accounts", "tenants"}, "accounts": {"tenants"}, "tenants": set()}
CIRCLE = {"orders": {"accounts"}, "accounts": {"tenants"}, "tenants": {"accounts"}}


def test_a_package_stands_below_all_that_import_it():
    assert rank(GRAPH) == {"orders": 0, "accounts": 1, "tenants": 2}


def test_packages_that_import_each_other_stand_side_by_side():
    assert rank(CIRCLE) == {"orders": 0, "accounts": 1, "tenants": 1}


def test_an_import_that_another_implies_has_no_line():
    assert without_implied(GRAPH)["orders"] == {"accounts"}
    assert without_implied(CIRCLE) == CIRCLE


def test_the_project_is_drawn_with_its_layers_in_order():
    graph = read_graph()
    rows = rank(graph)

    assert rows["orders.views"] < rows["orders.services.sales"] < rows["orders.services.payments"]
    assert rows["orders.models"] < rows["accounts.models"] < rows["tenants.models"]
    assert set(re.findall("<text[^>]*>([^<]+)</text>", draw(graph))) == set(graph)
