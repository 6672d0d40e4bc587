"""The database refuses prices that overlap, also in transactions at the same time."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from orders.models import Price
from orders.price_overlaps import NAME
from tenants.scope import across_tenants, tenant_scope
from tests.factories.price_list import PriceFactory
from tests.support.parallel import run_concurrently

FIRST, SECOND, THIRD = (datetime(2027, month, 1) for month in (1, 2, 3))  # noqa: DTZ001


def build_price(price, **values):
    same = {"price_list_id": price.price_list_id, "product_id": price.product_id}
    return Price(tenant=price.tenant, amount=Decimal(1), **same | values)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("period", "overlaps"),
    [
        ((None, None), True),
        ((None, FIRST), False),
        ((None, SECOND), True),
        ((FIRST, THIRD), True),
        ((THIRD, None), False),
        ((SECOND, None), True),
    ],
)
def test_overlap_is_refused_by_the_database(product, period, overlaps, shop):
    price = PriceFactory(product=product, valid_from=FIRST, valid_to=THIRD)
    start, end = period
    other = build_price(price, valid_from=start, valid_to=end)

    with tenant_scope(shop):
        if overlaps:
            with pytest.raises(IntegrityError), transaction.atomic():
                other.save(force_insert=True)
            assert Price.objects.get() == price
        else:
            other.save(force_insert=True)


@pytest.mark.django_db
def test_change_into_an_overlap_is_refused_by_the_database(product, shop):
    price = PriceFactory(product=product, valid_to=FIRST)
    later = PriceFactory(product=product, price_list=price.price_list, valid_from=FIRST)
    withdrawn = PriceFactory(product=product, price_list=price.price_list, is_active=False)

    with tenant_scope(shop):
        with pytest.raises(IntegrityError), transaction.atomic():
            Price.objects.filter(pk=later.pk).update(valid_from=None)
        with pytest.raises(IntegrityError), transaction.atomic():
            Price.objects.filter(pk=withdrawn.pk).update(is_active=True)
        assert Price.objects.get(pk=later.pk).valid_from == FIRST


@pytest.mark.django_db
def test_other_quantities_lists_and_products_do_not_overlap(product, make_product, shop):
    price = PriceFactory(product=product)
    elsewhere = PriceFactory(product=product, valid_to=FIRST)

    with tenant_scope(shop):
        build_price(price, min_quantity=Decimal(6)).save(force_insert=True)
        build_price(price, product_id=make_product().pk).save(force_insert=True)
        assert Price.objects.count() == 4
    assert elsewhere.price_list_id != price.price_list_id


@pytest.mark.django_db
@pytest.mark.sqlite
def test_triggers_exist_on_sqlite():
    """SQLite drops the triggers of a table that a migration rebuilds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        triggers = {name for (name,) in cursor.fetchall()}

    assert {f"{NAME}_INSERT", f"{NAME}_UPDATE"} <= triggers


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_one_of_two_overlapping_prices_at_the_same_time_is_refused(
    manager_client, product, price_list, shop
):
    body = {"price_list": str(price_list.pk), "product": str(product.pk), "amount": "1.80"}

    answers = run_concurrently(
        [
            lambda: manager_client.post("prices/", body),
            lambda: manager_client.post("prices/", body | {"valid_from": "2027-01-01T00:00:00"}),
        ]
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (refused,) = [answer.json() for answer in answers if answer.status_code == 409]
    assert refused["code"] == "prices_overlap"
    with across_tenants():
        assert Price.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres
def test_batches_of_a_list_at_the_same_time_do_not_overlap(
    manager_client, make_product, price_list, shop
):
    products = [str(make_product(stock=None, track_stock=False).pk) for _ in range(20)]

    def send(in_order, amount):
        prices = [{"product": each, "amount": amount} for each in in_order]
        return manager_client.post(
            "prices/batch/", {"price_list": str(price_list.pk), "prices": prices}
        )

    answers = run_concurrently(
        [lambda: send(products, "1.00"), lambda: send(products[::-1], "2.00")]
    )

    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(answer.json()["created"] for answer in answers) == [0, 20]
    with across_tenants():
        amounts = set(Price.objects.values_list("amount", flat=True))
    assert len(amounts) == 1
