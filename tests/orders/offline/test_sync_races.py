"""The same batch from many at the same moment, and other things at the moment of an upload."""

import pytest

from orders.models import Order, Payment, Receipt
from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.support.idempotency import count
from tests.support.offline import build_offline_line, build_offline_sale, results, upload
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.shifts import close_shift, end_shift, fetch_shift_report, open_shift
from tests.support.till import (
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
)

pytestmark = [pytest.mark.postgres, pytest.mark.race, pytest.mark.django_db(transaction=True)]


def test_a_batch_sent_twenty_times_at_once_is_booked_once(till, product, store, shop, register):
    batch = [build_offline_sale(number, build_offline_line(product)) for number in (1, 2, 3)]

    answers = run_times(20, lambda: results(till, *batch))

    outcomes = [[each["status"] for each in answer] for answer in answers]
    for column in zip(*outcomes, strict=True):
        assert sorted(column) == ["created"] + ["duplicate"] * 19
    assert all(
        [each["order"] for each in answer] == [each["order"] for each in answers[0]]
        for answer in answers
    )
    assert (count(shop), count(shop, Receipt), count(shop, Payment)) == (3, 3, 3)
    assert list_receipt_numbers(register) == [1, 2, 3]
    assert get_stock_level(product, store) == (7, 0)
    ensure_books_balance(shop)


def test_one_key_at_once_is_one_request(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product))

    answers = run_times(10, lambda: upload(till, item, key="k"))

    assert set(statuses(answers)) <= {200, 409}
    assert count(shop) == 1
    assert upload(till, item, key="k")["Idempotent-Replayed"] == "true"


def test_two_batches_under_one_key_at_once_are_one_batch_and_a_mistake(till, tills, product, shop):
    """At another till not even the numbers make one wait for the other."""
    bodies = [
        (at, build_offline_sale(number, build_offline_line(product)))
        for number, at in enumerate([till, *tills], 1)
    ]

    answers = run_concurrently(
        [lambda at=at, item=item: upload(at, item, key="k") for at, item in bodies * 2]
    )

    # The same batch again, or that it is being booked; of the four others each is a mistake.
    assert statuses(answers)[422] == 8
    assert set(statuses(answers)) <= {200, 409, 422}
    assert (count(shop), count(shop, Payment), count(shop, IdempotencyKey)) == (1, 1, 1)


def test_sales_of_one_number_at_once_are_all_booked(till, product, store, shop):
    answers = run_concurrently(
        [
            lambda: results(till, build_offline_sale(7, build_offline_line(product)))
            for _ in range(8)
        ]
    )

    flags = sorted(answer[0]["order"]["flags"] for answer in answers)
    assert flags == [[]] + [["sequence_taken"]] * 7
    assert get_stock_level(product, store) == (2, 0)


def test_uploading_selling_and_the_end_of_a_shift_at_once(till, manager_client, make_product, shop):
    """Whatever comes first, each sale is in one shift or waits, and the Zs have them all."""
    many = make_product("2.50", stock="50")
    shift = open_shift(till)
    works = []
    for number in range(1, 7):
        works += [
            lambda number=number: results(
                till, build_offline_sale(number, build_offline_line(many))
            ),
            lambda: till.sell(line(many), payments=[cash("2.50")]),
        ]

    run_concurrently([*works, lambda: end_shift(till, shift)])
    first = fetch_shift_report(manager_client, shift)
    cash_in_it = first["cash"]["expected"]
    assert close_shift(manager_client, shift, cash_in_it).status_code == 200
    second = open_shift(till)
    z = fetch_shift_report(manager_client, second)

    with tenant_scope(shop):
        offline = Order.objects.filter(device_sequence__isnull=False)
        assert offline.count() == 6
        assert not offline.filter(shift=None).exists()
    waited = z["late_sales"]["count"]
    with tenant_scope(shop):
        in_first = Order.objects.filter(shift=shift["id"]).count()
    assert (first["sales"]["count"], z["sales"]["count"]) == (in_first, waited)
    ensure_books_balance(shop)
