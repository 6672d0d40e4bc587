"""`prices/batch/`: many prices of a list in one transaction."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orders.models import Price
from tenants.models import AuditEvent, OutboxEvent
from tenants.scope import tenant_scope
from tests.factories.price_list import PriceFactory

BATCH = "prices/batch/"
JANUARY, FEBRUARY, MARCH = (f"2027-0{month}-01T00:00:00" for month in (1, 2, 3))


def list_prices(shop):
    """Return amount, start, end and state of all prices, by product and start."""
    with tenant_scope(shop):
        prices = Price.objects.order_by("product__sku", "min_quantity", "pk")
        return [
            (
                str(price.amount.normalize()),
                price.valid_from and price.valid_from.isoformat(),
                price.valid_to and price.valid_to.isoformat(),
                price.is_active,
            )
            for price in prices
        ]


@pytest.fixture
def set_prices(manager_client, price_list):
    def send(*prices):
        return manager_client.post(BATCH, {"price_list": str(price_list.pk), "prices": prices})

    return send


@pytest.fixture
def wanted(product):
    return {"product": str(product.pk), "amount": "1.80"}


def test_prices_are_created_changed_and_left_unchanged(set_prices, wanted, make_product, shop):
    others = [{"product": str(make_product().pk), "amount": "3.00"} for _ in range(3)]
    made = set_prices(*others[:2])
    assert (made.status_code, made.json()) == (200, {"created": 2, "changed": 0, "unchanged": 0})

    answer = set_prices(wanted, others[0], others[1] | {"amount": "2.50"}, others[2])

    assert answer.json() == {"created": 2, "changed": 1, "unchanged": 1}
    assert sorted(each[0] for each in list_prices(shop)) == ["1.8", "2.5", "3", "3"]
    assert set_prices(wanted).json() == {"created": 0, "changed": 0, "unchanged": 1}


def test_new_price_ends_the_one_before(set_prices, wanted, shop):
    set_prices(wanted)

    answer = set_prices(wanted | {"amount": "1.90", "valid_from": JANUARY})

    assert answer.json() == {"created": 1, "changed": 1, "unchanged": 0}
    assert list_prices(shop) == [("1.8", None, JANUARY, True), ("1.9", JANUARY, None, True)]


@pytest.mark.parametrize(
    ("end", "refused"), [(FEBRUARY, True), (MARCH, False), ("2027-04-01T00:00:00", False)]
)
def test_price_that_is_valid_for_longer_is_not_cut(set_prices, wanted, shop, problem, end, refused):
    set_prices(wanted | {"valid_to": MARCH})
    before = list_prices(shop)

    answer = set_prices(wanted | {"amount": "1.90", "valid_from": JANUARY, "valid_to": end})

    if refused:
        assert problem(answer, 409, "prices_overlap")["index"] == 0
        assert list_prices(shop) == before
    else:
        assert list_prices(shop) == [("1.8", None, JANUARY, True), ("1.9", JANUARY, end, True)]


def test_one_overlap_refuses_the_whole_batch(set_prices, wanted, make_product, shop, problem):
    set_prices(wanted | {"valid_from": FEBRUARY})
    before = list_prices(shop)
    other = {"product": str(make_product().pk), "amount": "3.00"}

    refused = problem(set_prices(other, wanted), 409, "prices_overlap")

    assert refused["index"] == 1
    assert list_prices(shop) == before


def test_boundary_of_two_prices_is_moved(set_prices, wanted, shop):
    later = wanted | {"amount": "1.90", "valid_from": FEBRUARY}
    set_prices(wanted, later)

    moved = set_prices(
        wanted | {"valid_to": MARCH},
        later | {"is_active": False},
        later | {"valid_from": MARCH},
    )

    assert moved.status_code == 200, moved.content
    assert list_prices(shop) == [
        ("1.8", None, MARCH, True),
        ("1.9", FEBRUARY, None, False),
        ("1.9", MARCH, None, True),
    ]


def test_quantity_breaks_are_prices_of_their_own(set_prices, wanted, shop):
    answer = set_prices(wanted, wanted | {"min_quantity": "6", "amount": "1.50"})

    assert answer.json()["created"] == 2
    assert [each[0] for each in list_prices(shop)] == ["1.8", "1.5"]


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"amount": "x"}, "amount", "invalid"),
        ({"product": "01980000-0000-7000-8000-000000000000"}, "product", "does_not_exist"),
        ({}, "product", "repeated"),
        ({"valid_from": JANUARY, "valid_to": JANUARY}, "valid_to", "end_before_start"),
        ({"price_list": "x"}, "price_list", "unknown_field"),
    ],
)
def test_invalid_price_is_rejected_by_its_index(
    set_prices, wanted, shop, problem, change, field, code
):
    refused = set_prices(wanted, wanted | change)

    problem(refused, 400, "invalid", {f"prices[1].{field}": code})
    assert list_prices(shop) == []


def test_empty_and_too_long_batches_are_rejected(set_prices, problem, shop):
    problem(set_prices(), 400, "invalid", {"prices": "empty"})
    problem(set_prices(*[{}] * 5001), 400, "invalid", {"prices": "max_length"})
    assert list_prices(shop) == []


def test_products_and_lists_of_another_shop_do_not_exist(
    manager_client, set_prices, wanted, other_shop, problem, shop
):
    theirs = PriceFactory(product__tenant=other_shop)

    problem(
        set_prices({"product": str(theirs.product_id), "amount": "1.00"}),
        400,
        "invalid",
        {"prices[0].product": "does_not_exist"},
    )
    body = {"price_list": str(theirs.price_list_id), "prices": [wanted]}
    problem(manager_client.post(BATCH, body), 400, "invalid", {"price_list": "does_not_exist"})
    assert list_prices(shop) == []


def test_every_price_is_announced_and_audited(set_prices, wanted, make_product, shop):
    set_prices(wanted)
    other = {"product": str(make_product().pk), "amount": "3.00"}
    set_prices(other, wanted | {"amount": "1.90"})

    with tenant_scope(shop):
        topics = list(OutboxEvent.objects.order_by("pk").values_list("topic", flat=True))
        versions = sorted(OutboxEvent.objects.values_list("subject_version", flat=True))
        events = AuditEvent.objects.filter(event__startswith="price").order_by("pk")
        facts = [(each.event, each.facts.get("changes")) for each in events]
    assert topics == ["price.created", "price.updated", "price.created"]
    assert versions == [1, 1, 2]
    assert facts == [
        ("price_added", None),
        ("price_changed", {"amount": {"from": "1.80", "to": "1.90"}}),
        ("price_added", None),
    ]


def test_number_of_statements_does_not_depend_on_the_number_of_prices(set_prices, make_product):
    products = [make_product(stock=None, track_stock=False) for _ in range(42)]
    counts = []
    # The first request records the use of the session.
    for few in (products[:1], products[1:3], products[3:]):
        prices = [{"product": str(each.pk), "amount": "3.00"} for each in few]
        with CaptureQueriesContext(connection) as captured:
            answer = set_prices(*prices)
        assert answer.json()["created"] == len(few)
        counts.append(len(captured))
    assert counts[1] == counts[2]


def test_repeated_batch_changes_nothing(set_prices, wanted, shop):
    body = wanted | {"valid_from": JANUARY}
    set_prices(wanted)
    set_prices(body)
    before = list_prices(shop)

    assert set_prices(body).json() == {"created": 0, "changed": 0, "unchanged": 1}
    assert list_prices(shop) == before
    assert Decimal(before[0][0]) == Decimal("1.8")
