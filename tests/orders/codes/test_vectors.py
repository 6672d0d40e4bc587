"""The shared test vectors `tests/vectors/codes.json`, which terminals can use too."""

import json
from decimal import Decimal

import pytest

from orders.codes import LabelKind, build_key, read_label, remove_symbology
from orders.money.pricing import compute_labeled_quantity
from tests.support.schema_digest import ROOT

VECTORS = json.loads((ROOT / "tests" / "vectors" / "codes.json").read_text(encoding="utf-8"))


def cases(kind):
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=case["name"]) for case in VECTORS[kind]]
    )


@cases("keys")
def test_key(case):
    assert build_key(remove_symbology(case["code"])) == case["key"]


@cases("labels")
def test_label(case):
    rule, expected = case["rule"], case["expected"]

    label = read_label(
        case["code"], rule["pattern"], LabelKind(rule["kind"]), rule["value_decimals"]
    )

    if expected is None:
        assert label is None
        return
    assert label.plu == expected["plu"]
    if rule["kind"] == "weight":
        assert (label.value, expected["fixed_gross"]) == (Decimal(expected["quantity"]), None)
        return
    assert label.value == Decimal(expected["fixed_gross"])
    product = case["product"]
    is_by_unit = product["sold_by"] == "unit"
    price = Decimal(product["price"])
    quantity = Decimal(1) if is_by_unit else compute_labeled_quantity(label.value, price)
    assert quantity == Decimal(expected["quantity"])
