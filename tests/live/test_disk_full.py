"""A full disk: requests are refused completely, and selling continues when there is space."""

import resource

import pytest
from django.db import connection

from tests.support.idempotency import count, without_ids
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.live.server import run_server
from tests.support.till import cash, line

pytestmark = [
    pytest.mark.live,
    pytest.mark.sqlite,
    pytest.mark.django_db(transaction=True),
]

NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
# More sales than fit.
MAX_SALES = 50


def limit_file_size(server, size=None):
    """Limit the size of files that the server writes."""
    limit = NO_LIMIT if size is None else (size, resource.RLIM_INFINITY)
    for worker in server.workers:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, limit)


def limit_log_to(server, pages):
    """Limit the write-ahead log, which starts empty; the database file is larger already."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    limit_file_size(server, pages * 4096)


@pytest.fixture
def server(till, tmp_path):
    with run_server(tmp_path) as server:
        connect_to_server(server, till)
        yield server


@pytest.fixture
def sell(till, make_product):
    product = make_product("2.50", stock="1000")
    basket = without_ids(till.order(line(product), payments=[cash("2.50")]))
    return lambda key: till.post("orders/", basket, Idempotency_Key=key)


def test_sale_on_a_full_disk_is_refused_completely_and_can_be_repeated(server, sell, till, shop):
    answers = {"first": sell("first")}
    limit_log_to(server, pages=100)
    while len(answers) < MAX_SALES and answers[key := list(answers)[-1]].status_code == 201:
        answers[f"{key}+"] = sell(f"{key}+")
    *stored, (last, refused) = answers.items()
    listed, stored_count = till.get("orders/"), count(shop)
    limit_file_size(server)

    assert len(stored) > 1
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (
        503,
        "unavailable",
        "1",
    )
    assert listed.status_code == 200
    assert stored_count == len(stored)
    assert all(sell(key).content == answer.content for key, answer in stored)
    assert sell(last).status_code == 201
    assert count(shop) == len(answers)
    ensure_invariants(shop)
