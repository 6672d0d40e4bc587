"""The disk is full: nothing is half written, and with room again selling goes on."""

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
# More sales than there is room for.
MOST = 50


def allow(server, size=None):
    """How large a file may grow that the server writes."""
    limit = NO_LIMIT if size is None else (size, resource.RLIM_INFINITY)
    for worker in server.workers:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, limit)


def leave_room(server, pages):
    """So much for the write-ahead log, which begins anew; the database itself is larger by now."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    allow(server, pages * 4096)


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


def test_what_finds_no_room_is_refused_whole_and_can_be_sent_again(server, sell, till, shop):
    told = {"first": sell("first")}
    leave_room(server, pages=100)
    while len(told) < MOST and told[key := list(told)[-1]].status_code == 201:
        told[f"{key}+"] = sell(f"{key}+")
    *sold, (last, full) = told.items()
    listed, kept = till.get("orders/"), count(shop)
    allow(server)

    assert len(sold) > 1
    assert (full.status_code, full.json()["code"], full["Retry-After"]) == (503, "unavailable", "1")
    assert listed.status_code == 200
    assert kept == len(sold)
    assert all(sell(key).content == answer.content for key, answer in sold)
    assert sell(last).status_code == 201
    assert count(shop) == len(told)
    ensure_invariants(shop)
