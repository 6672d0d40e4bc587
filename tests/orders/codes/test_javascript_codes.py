"""The browser register reads codes as `orders.codes` does."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.codes import LabelKind, build_key, read_label
from tests.orders.codes.test_vectors import VECTORS, cases
from tests.support.javascript import Module

digits = st.text("0123456789", min_size=6, max_size=15)


@pytest.fixture(scope="module")
def codes():
    return Module("scan/codes.js")


@pytest.fixture(scope="module")
def engine():
    return Module("money/engine.js")


def test_every_kind_of_vector_runs_here_too():
    assert set(VECTORS) == {"keys", "labels"}


@cases("keys")
def test_javascript_builds_the_key_of_the_vector(codes, case):
    code = codes.call("removeSymbology", case["code"])

    assert codes.call("buildKey", code) == case["key"]


@cases("labels")
def test_javascript_reads_the_label_of_the_vector(codes, engine, case):
    rule, expected = case["rule"], case["expected"]

    label = codes.call("readLabel", case["code"], [rule | {"priority": 0, "is_active": True}])

    if expected is None:
        assert label is None
        return
    assert label["plu"] == expected["plu"]
    if rule["kind"] == "weight":
        assert Decimal(label["value"]) == Decimal(expected["quantity"])
        assert expected["fixed_gross"] is None
        return
    assert label["value"] == expected["fixed_gross"]
    if case["product"]["sold_by"] == "weight":
        price = case["product"]["price"]
        quantity = engine.call("computeLabeledQuantity", label["value"], price)
        assert Decimal(quantity) == Decimal(expected["quantity"])


@given(code=digits)
@settings(deadline=None, max_examples=300)
def test_both_build_the_same_keys_of_random_numbers(codes, code):
    assert codes.call("buildKey", code) == build_key(code)


@given(
    code=st.text("0123456789", min_size=12, max_size=13),
    pattern=st.sampled_from(["20IIIIIVVVVVC", "2IIIIVVVVVVVC", "21IIIIKVVVVVC", "02IIIIIIVVVVV"]),
    decimals=st.integers(0, 3),
)
@settings(deadline=None, max_examples=300)
def test_both_read_the_same_labels_of_random_numbers(codes, code, pattern, decimals):
    code = pattern[:2].replace("I", "1") + code[2:]
    rule = {"pattern": pattern, "kind": "price", "value_decimals": decimals, "is_active": True}

    label = codes.call("readLabel", code, [rule])

    expected = read_label(code, pattern, LabelKind.PRICE, decimals)
    assert (label and (label["plu"], label["value"])) == (
        expected and (expected.plu, f"{expected.value:f}")
    )
