import socket
from threading import Event

import pytest
from django.core.cache.backends.dummy import DummyCache
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from config import health
from config.health import Readiness
from config.settings import redis_cache
from tests.support.problems import assert_problem

WELL = {"database": "ok", "cache": "ok", "migrations": "ok"}


@pytest.fixture
def fresh(monkeypatch):
    """A process that has not answered yet, and so takes nothing for settled."""

    def put(*, seconds=30, **checks):
        for name in ("required_checks", "optional_checks"):
            asked = getattr(health, name).checks
            changed = {check: checks.get(check, ask) for check, ask in asked.items()}
            monkeypatch.setattr(health, name, Readiness(changed, seconds=seconds))
        return health.required_checks

    return put


def fails() -> bool:
    raise ConnectionError("could not connect to pg-7.internal as till_app, PostgreSQL 17.2")


def test_live_asks_nobody(client, monkeypatch):
    monkeypatch.setattr(health, "required_checks", None)
    monkeypatch.setattr(health, "optional_checks", None)

    response = client.get("/health/live/")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_ready_when_database_cache_and_migrations_are(client, fresh):
    fresh()
    response = client.get("/health/ready/")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "checks": WELL})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("name", ["database", "migrations"])
@pytest.mark.parametrize("check", [fails, lambda: False], ids=["raises", "says-no"])
def test_not_ready_while_one_is_missing(client, fresh, transactional_db, name, check):
    fresh(**{name: check})
    ready, live = client.get("/health/ready/"), client.get("/health/live/")  # attack 164

    problem = assert_problem(ready, 503, "not_ready")
    assert problem["checks"] == WELL | {name: "failed"}
    assert live.status_code == 200


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/"])
def test_health_tells_nothing_of_the_inside(client, fresh, transactional_db, path):
    fresh(database=fails)
    response = client.get(path)  # attack 164

    told = (response.content + str(response.headers).encode()).decode().lower()
    for inside in ("django", "postgres", "sqlite", "python", "pg-7", "till_app", "version"):
        assert inside not in told


def ensure_degraded(client):
    """It sells, and says what it does without."""
    response = client.get("/health/ready/")
    told = {"status": "ok", "checks": WELL | {"cache": "degraded"}}
    assert (response.status_code, response.json()) == (200, told)


def test_a_cache_that_forgets_keeps_nobody_from_selling(
    client, fresh, transactional_db, monkeypatch
):
    fresh()
    monkeypatch.setattr(health, "cache", DummyCache("", {}))

    ensure_degraded(client)


def test_without_redis_it_sells_and_without_its_database_too_it_does_not(
    client, fresh, transactional_db, settings
):
    """Nobody listens at the port of that Redis."""
    fresh()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.CACHES = {"default": redis_cache(f"redis://127.0.0.1:{port}/0")}

    ensure_degraded(client)
    fresh(database=fails)
    problem = assert_problem(client.get("/health/ready/"), 503, "not_ready")
    assert problem["checks"] == WELL | {"cache": "degraded", "database": "failed"}


@pytest.mark.timeout(30)  # less than the check hangs
def test_a_cache_that_hangs_holds_up_nobody(client, fresh, transactional_db, monkeypatch):
    over = Event()
    fresh()
    hanging = Readiness({"cache": lambda: over.wait(60)}, seconds=0.1)
    monkeypatch.setattr(health, "optional_checks", hanging)
    try:
        ensure_degraded(client)
        ensure_degraded(client)
    finally:
        over.set()
    assert hanging.busy.acquire(timeout=10)


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_missing_is_noticed_and_its_coming_too(client, fresh):
    fresh()
    recorder = MigrationRecorder(connection)
    ((app, newest),) = MigrationLoader(connection).graph.leaf_nodes("tenants")
    recorder.record_unapplied(app, newest)
    before = client.get("/health/ready/")
    recorder.record_applied(app, newest)
    after = client.get("/health/ready/")

    assert assert_problem(before, 503, "not_ready")["checks"] == WELL | {"migrations": "failed"}
    assert after.status_code == 200


def test_migrations_are_looked_for_until_they_are_there(fresh, transactional_db):
    there = iter([False, False, True])
    readiness = fresh(migrations=lambda: next(there))

    answers = [readiness.results()["migrations"] for _ in range(5)]

    assert answers == [False, False, True, True, True]


@pytest.mark.timeout(30)  # less than the check hangs
def test_a_check_that_hangs_is_an_answer_in_time_and_probes_do_not_pile_up(client, fresh):
    over, begun = Event(), []

    def hangs() -> bool:
        begun.append(1)
        return over.wait(60)

    readiness = fresh(database=hangs, seconds=0.3)
    try:
        first, second = client.get("/health/ready/"), client.get("/health/ready/")

        for response in (first, second):
            checks = assert_problem(response, 503, "not_ready")["checks"]
            assert checks == dict.fromkeys(WELL, "failed") | {"cache": "ok"}
        assert len(begun) == 1
    finally:
        over.set()
    # The one that hung lets go as soon as it can.
    assert readiness.busy.acquire(timeout=10)


def test_health_needs_no_log_in_and_no_tls(client, settings, fresh, transactional_db):
    settings.SECURE_SSL_REDIRECT = True
    fresh()

    assert client.get("/health/live/").status_code == 200
    assert client.get("/health/ready/").status_code == 200


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_health_is_only_read(client, fresh, path, method):
    fresh(database=fails)
    response = getattr(client, method)(path)

    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
