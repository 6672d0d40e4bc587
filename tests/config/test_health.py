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

HEALTHY = {"database": "ok", "cache": "ok", "migrations": "ok"}


@pytest.fixture
def reset_checks(monkeypatch):
    """Return a function that replaces the readiness checks of a new process."""

    def replace(*, seconds=30, **checks):
        for name in ("required_checks", "optional_checks"):
            current = getattr(health, name).checks
            changed = {check: checks.get(check, ask) for check, ask in current.items()}
            monkeypatch.setattr(health, name, Readiness(changed, seconds=seconds))
        return health.required_checks

    return replace


def fails() -> bool:
    raise ConnectionError("could not connect to pg-7.internal as till_app, PostgreSQL 17.2")


def test_liveness_runs_no_checks(client, monkeypatch):
    monkeypatch.setattr(health, "required_checks", None)
    monkeypatch.setattr(health, "optional_checks", None)

    response = client.get("/health/live/")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db(transaction=True)
def test_ready_with_database_cache_and_migrations(client, reset_checks):
    reset_checks()
    response = client.get("/health/ready/")

    assert (response.status_code, response.json()) == (200, {"status": "ok", "checks": HEALTHY})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("name", ["database", "migrations"])
@pytest.mark.parametrize("check", [fails, lambda: False], ids=["raises", "says-no"])
def test_not_ready_while_database_or_migrations_fail(
    client, reset_checks, transactional_db, name, check
):
    reset_checks(**{name: check})
    ready, live = client.get("/health/ready/"), client.get("/health/live/")  # attack 164

    problem = assert_problem(ready, 503, "not_ready")
    assert problem["checks"] == HEALTHY | {name: "failed"}
    assert live.status_code == 200


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/"])
def test_health_reveals_no_details(client, reset_checks, transactional_db, path):
    reset_checks(database=fails)
    response = client.get(path)  # attack 164

    expected = (response.content + str(response.headers).encode()).decode().lower()
    for detail in ("django", "postgres", "sqlite", "python", "pg-7", "till_app", "version"):
        assert detail not in expected


def assert_degraded(client):
    """Assert that the installation is ready with a degraded cache."""
    response = client.get("/health/ready/")
    expected = {"status": "ok", "checks": HEALTHY | {"cache": "degraded"}}
    assert (response.status_code, response.json()) == (200, expected)


def test_cache_that_loses_values_only_degrades(client, reset_checks, transactional_db, monkeypatch):
    reset_checks()
    monkeypatch.setattr(health, "cache", DummyCache("", {}))

    assert_degraded(client)


def test_missing_redis_degrades_and_missing_database_is_not_ready(
    client, reset_checks, transactional_db, settings
):
    """Nothing listens at the port of that Redis."""
    reset_checks()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.CACHES = {"default": redis_cache(f"redis://127.0.0.1:{port}/0")}

    assert_degraded(client)
    reset_checks(database=fails)
    problem = assert_problem(client.get("/health/ready/"), 503, "not_ready")
    assert problem["checks"] == HEALTHY | {"cache": "degraded", "database": "failed"}


@pytest.mark.timeout(30)  # less than the duration of the hanging check
def test_hanging_cache_does_not_block_the_answer(
    client, reset_checks, transactional_db, monkeypatch
):
    over = Event()
    reset_checks()
    hanging = Readiness({"cache": lambda: over.wait(60)}, seconds=0.1)
    monkeypatch.setattr(health, "optional_checks", hanging)
    try:
        assert_degraded(client)
        assert_degraded(client)
    finally:
        over.set()
    assert hanging.busy.acquire(timeout=10)


@pytest.mark.django_db(transaction=True)
def test_missing_and_then_applied_migration_is_noticed(client, reset_checks):
    reset_checks()
    recorder = MigrationRecorder(connection)
    ((app, newest),) = MigrationLoader(connection).graph.leaf_nodes("tenants")
    recorder.record_unapplied(app, newest)
    before = client.get("/health/ready/")
    recorder.record_applied(app, newest)
    after = client.get("/health/ready/")

    assert assert_problem(before, 503, "not_ready")["checks"] == HEALTHY | {"migrations": "failed"}
    assert after.status_code == 200


def test_migrations_are_checked_until_they_are_applied(reset_checks, transactional_db):
    applied = iter([False, False, True])
    readiness = reset_checks(migrations=lambda: next(applied))

    answers = [readiness.results()["migrations"] for _ in range(5)]

    assert answers == [False, False, True, True, True]


@pytest.mark.timeout(30)  # less than the duration of the hanging check
def test_hanging_check_is_answered_in_time_and_runs_once(client, reset_checks):
    over, begun = Event(), []

    def hangs() -> bool:
        begun.append(1)
        return over.wait(60)

    readiness = reset_checks(database=hangs, seconds=0.3)
    try:
        first, second = client.get("/health/ready/"), client.get("/health/ready/")

        for response in (first, second):
            checks = assert_problem(response, 503, "not_ready")["checks"]
            assert checks == dict.fromkeys(HEALTHY, "failed") | {"cache": "ok"}
        assert len(begun) == 1
    finally:
        over.set()
    # The hanging check releases the lock when it ends.
    assert readiness.busy.acquire(timeout=10)


def test_health_needs_no_login_and_no_tls(client, settings, reset_checks, transactional_db):
    settings.SECURE_SSL_REDIRECT = True
    reset_checks()

    assert client.get("/health/live/").status_code == 200
    assert client.get("/health/ready/").status_code == 200


@pytest.mark.parametrize("path", ["/health/live/", "/health/ready/"])
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_health_is_only_read(client, reset_checks, path, method):
    reset_checks(database=fails)
    response = getattr(client, method)(path)

    assert_problem(response, 405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD, OPTIONS"
