"""The drawing of the import graph."""

import re

from tests.tools.import_graph import draw, rank, read_graph, without_implied

GRAPH = {"orders": {"accounts", "tenants"}, "accounts": {"tenants"}, "tenants": set()}
CYCLE = {"orders": {"accounts"}, "accounts": {"tenants"}, "tenants": {"accounts"}}


def test_package_is_below_its_importers():
    assert rank(GRAPH) == {"orders": 0, "accounts": 1, "tenants": 2}


def test_packages_in_a_cycle_share_a_row():
    assert rank(CYCLE) == {"orders": 0, "accounts": 1, "tenants": 1}


def test_implied_import_has_no_line():
    assert without_implied(GRAPH)["orders"] == {"accounts"}
    assert without_implied(CYCLE) == CYCLE


def test_layers_of_the_project_are_in_order():
    graph = read_graph()
    rows = rank(graph)

    assert rows["orders.views"] < rows["orders.services.sales"] < rows["orders.services.payments"]
    assert rows["orders.models"] < rows["accounts.models"] < rows["tenants.models"]
    assert set(re.findall("<text[^>]*>([^<]+)</text>", draw(graph))) == set(graph)
