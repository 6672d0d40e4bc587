"""Concurrent uploads, and uploads beside sales and the end of a shift."""

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


def test_batch_sent_twenty_times_at_once_is_booked_once(till, product, store, shop, register):
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


def test_concurrent_uploads_with_one_key_are_one_request(till, product, shop):
    item = build_offline_sale(1, build_offline_line(product))

    answers = run_times(10, lambda: upload(till, item, key="k"))

    assert set(statuses(answers)) <= {200, 409}
    assert count(shop) == 1
    assert upload(till, item, key="k")["Idempotent-Replayed"] == "true"


def test_concurrent_batches_with_one_key_book_only_one_of_them(till, tills, product, shop):
    """The batches are of different registers, so that numbering does not serialize them."""
    bodies = [
        (at, build_offline_sale(number, build_offline_line(product)))
        for number, at in enumerate([till, *tills], 1)
    ]

    answers = run_concurrently(
        [lambda at=at, item=item: upload(at, item, key="k") for at, item in bodies * 2]
    )

    # The same batch is replayed or in progress; the four other batches reuse the key.
    assert statuses(answers)[422] == 8
    assert set(statuses(answers)) <= {200, 409, 422}
    assert (count(shop), count(shop, Payment), count(shop, IdempotencyKey)) == (1, 1, 1)


def test_concurrent_sales_with_one_number_are_all_booked(till, product, store, shop):
    answers = run_concurrently(
        [
            lambda: results(till, build_offline_sale(7, build_offline_line(product)))
            for _ in range(8)
        ]
    )

    flags = sorted(answer[0]["order"]["flags"] for answer in answers)
    assert flags == [[]] + [["sequence_taken"]] * 7
    assert get_stock_level(product, store) == (2, 0)


def test_concurrent_uploads_sales_and_shift_end_put_each_sale_in_one_shift(
    till, manager_client, make_product, shop
):
    """Each sale is in one shift or waits for the next, and the Z reports have all of them."""
    product = make_product("2.50", stock="50")
    shift = open_shift(till)
    calls = []
    for number in range(1, 7):
        calls += [
            lambda number=number: results(
                till, build_offline_sale(number, build_offline_line(product))
            ),
            lambda: till.sell(line(product), payments=[cash("2.50")]),
        ]

    run_concurrently([*calls, lambda: end_shift(till, shift)])
    first = fetch_shift_report(manager_client, shift)
    expected_cash = first["cash"]["expected"]
    assert close_shift(manager_client, shift, expected_cash).status_code == 200
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
