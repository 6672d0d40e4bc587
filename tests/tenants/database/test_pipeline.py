"""Prepared statements sent as one message: what is sent, what fails, and what happens then."""

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import (
    BEGIN,
    COMMIT,
    SCOPE,
    ConnectionLost,
    PipelineFailed,
    Prepared,
)
from tenants.models import Store
from tenants.scope import tenant_context, tenant_scope
from tests.factories.tenants import StoreFactory
from tests.support.parallel import run_concurrently
from tests.support.policies import read_session_variables, run_sql

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

NAMES = Prepared("SELECT name FROM tenants_store ORDER BY name")
RENAME = Prepared("UPDATE tenants_store SET name = $2 WHERE id = $1::uuid")
VALUES = Prepared("SELECT 1, NULL, $1::text")
DIVISION = Prepared("SELECT 1 / $1::int")
SETTINGS = Prepared("SELECT current_setting('app.tenant'), current_setting('plan_cache_mode')")
SLEEP = Prepared("SELECT pg_sleep(10)")
TIMEOUT = Prepared("SELECT set_config('statement_timeout', '50', true)")
BACKEND = Prepared("SELECT pg_backend_pid()")
SUICIDE = Prepared("SELECT pg_terminate_backend(pg_backend_pid())")
LENGTH = Prepared("SELECT $1::text")
FORGET = Prepared("DEALLOCATE ALL")
PREPARED_NAMES = "SELECT name FROM pg_prepared_statements"


@pytest.fixture(autouse=True)
def new_connection():
    """A connection that has prepared nothing, and nobody else's afterwards."""
    connection.close()
    yield
    connection.close()


@pytest.fixture
def ours(shop):
    return StoreFactory(tenant=shop, name="Ours")


def scope(tenant):
    return SCOPE, [str(tenant.pk).encode()]


def rename(store, name=b"New"):
    return RENAME, [str(store.pk).encode(), name]


def get_name(store):
    with tenant_context(store.tenant):
        return Store.objects.get(pk=store.pk).name


def owner():
    settings = connection.settings_dict
    who = settings["OWNER"]
    return psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=who["USER"],
        password=who["PASSWORD"],
        autocommit=True,
    )


# --- one message ------------------------------------------------------------------------------


def test_all_statements_are_sent_in_one_message_with_the_scope(shop, ours, foreign, messages):
    assert pipeline.is_available()

    _, names, settings = pipeline.send(scope(shop), (NAMES, []), (SETTINGS, []))

    assert names.rows() == [(b"Ours",)]
    assert settings.rows() == [(str(shop.pk).encode(), b"force_generic_plan")]
    assert len(messages) == 1
    assert pipeline.is_available()


def test_scope_does_not_outlive_its_message(shop, ours):
    pipeline.send(scope(shop), (NAMES, []))

    names, settings = pipeline.send((NAMES, []), (SETTINGS, []))

    assert names.rows() == []
    assert settings.rows() == [(b"", b"auto")]
    assert read_session_variables() == ("", "")


def test_statement_is_prepared_once_per_connection(shop, ours):
    for _ in range(3):
        pipeline.send(scope(shop), (NAMES, []), (NAMES, []))

    known = {name.encode() for (name,) in run_sql(PREPARED_NAMES)}
    assert known == {SCOPE.name, NAMES.name}


def test_connection_prepares_a_limited_number_of_statements(shop, ours, monkeypatch):
    monkeypatch.setattr(pipeline, "MAX_PREPARED", 2)

    for _ in range(2):
        _, names, length, changed = pipeline.send(
            scope(shop), (NAMES, []), (LENGTH, [b"x"]), rename(ours, b"Ours")
        )
        assert (names.rows(), length.rows(), changed.affected) == ([(b"Ours",)], [(b"x",)], 1)

    known = {name.encode() for (name,) in run_sql(PREPARED_NAMES)}
    assert known == {SCOPE.name, NAMES.name}


def test_values_are_text_and_null_is_none_in_results():
    (found,) = pipeline.send((VALUES, ["Jürgen".encode()]))

    assert found.rows() == [(b"1", None, "Jürgen".encode())]


def test_message_that_changes_rows_is_committed(shop, ours):
    _, changed = pipeline.send(scope(shop), rename(ours))

    assert changed.affected == 1
    assert get_name(ours) == "New"


def test_rows_of_another_shop_are_not_accessible(shop, ours, foreign):
    theirs = foreign.store
    before = theirs.name

    _, changed = pipeline.send(scope(shop), rename(theirs))

    assert changed.affected == 0
    assert get_name(theirs) == before


def test_message_larger_than_the_buffers_is_sent(shop):
    text = b"x" * 20_000_000

    (found, again) = pipeline.send((LENGTH, [text]), (LENGTH, [text]))

    assert found.rows() == again.rows() == [(text,)]


def test_transaction_can_span_two_messages(shop, ours):
    pipeline.send((BEGIN, []), scope(shop), rename(ours, b"One"))
    assert not pipeline.is_available()

    pipeline.send(rename(ours, b"Two"), (COMMIT, []))

    assert get_name(ours) == "Two"
    assert pipeline.is_available()


def test_transaction_can_be_rolled_back(shop, ours):
    pipeline.send((BEGIN, []), scope(shop), rename(ours))

    pipeline.rollback()

    assert get_name(ours) == "Ours"
    assert pipeline.is_available()
    pipeline.rollback()


def test_threads_have_separate_connections(shop, ours):
    def read():
        assert pipeline.is_available()
        _, names, backend = pipeline.send(scope(shop), (NAMES, []), (BACKEND, []))
        return (*names.rows(), *backend.rows())

    found = run_concurrently([read] * 4)

    assert {names for names, _ in found} == {(b"Ours",)}
    assert len({backend for _, backend in found}) == 4


# --- when it is not available ------------------------------------------------------------------


def test_pipeline_is_not_used_in_a_django_transaction():
    with transaction.atomic():
        assert not pipeline.is_available()
    assert pipeline.is_available()


def test_pipeline_is_not_used_in_a_scope(shop):
    with tenant_context(shop):
        assert not pipeline.is_available()
        assert pipeline.is_available(in_scope=True)
    with tenant_scope(shop):
        assert not pipeline.is_available()
        assert not pipeline.is_available(in_scope=True)
    assert pipeline.is_available()


def test_pipeline_is_not_used_if_disabled(settings):
    settings.FAST_PATHS = False
    assert not pipeline.is_available()


def test_pipeline_is_not_used_on_a_cluster(monkeypatch):
    monkeypatch.setattr("tenants.database.postgres.distribution.is_installed", lambda _: True)
    assert not pipeline.is_available()


def test_pipeline_is_not_used_without_a_database(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "PORT", 1)
    assert not pipeline.is_available()


# --- errors ------------------------------------------------------------------------------------


def test_error_rolls_back_the_whole_message(shop, ours):
    with pytest.raises(PipelineFailed) as caught:
        pipeline.send(scope(shop), rename(ours), (DIVISION, [b"0"]), (NAMES, []))

    assert caught.value.sqlstate == "22012"
    assert "division by zero" in caught.value.message
    assert get_name(ours) == "Ours"
    assert pipeline.send(scope(shop), (NAMES, []))[1].rows() == [(b"Ours",)]


def test_error_rolls_back_the_whole_transaction(shop, ours):
    pipeline.send((BEGIN, []), scope(shop), rename(ours, b"One"))

    with pytest.raises(PipelineFailed, match="22012"):
        pipeline.send(rename(ours, b"Two"), (DIVISION, [b"0"]), (COMMIT, []))
    pipeline.rollback()

    assert get_name(ours) == "Ours"
    assert pipeline.is_available()


def test_statement_that_cannot_be_prepared_raises(shop, ours):
    with pytest.raises(PipelineFailed, match="42P01"):
        pipeline.send(scope(shop), rename(ours), (Prepared("SELECT 1 FROM nothing"), []))

    assert get_name(ours) == "Ours"
    _, changed = pipeline.send(scope(shop), rename(ours))
    assert changed.affected == 1


def test_statement_timeout_applies(shop, ours):
    with pytest.raises(PipelineFailed, match="57014"):
        pipeline.send(scope(shop), rename(ours), (TIMEOUT, []), (SLEEP, []))

    assert get_name(ours) == "Ours"
    assert pipeline.is_available()


# --- what was prepared is gone, or does not fit any more ------------------------------------------


def test_statements_lost_by_the_connection_are_prepared_again(shop, ours, messages):
    pipeline.send(scope(shop), (NAMES, []))
    run_sql("DISCARD ALL")

    _, names = pipeline.send(scope(shop), (NAMES, []))

    assert names.rows() == [(b"Ours",)]
    assert len(messages) == 3


def test_statements_lost_in_a_transaction_roll_it_back(shop, ours):
    pipeline.send(scope(shop), rename(ours, b"Ours"))
    pipeline.send((BEGIN, []), scope(shop), rename(ours), (FORGET, []))

    with pytest.raises(PipelineFailed, match="26000"):
        pipeline.send(rename(ours), (COMMIT, []))
    pipeline.rollback()

    assert get_name(ours) == "Ours"
    assert pipeline.is_available()


def test_statements_are_prepared_again_after_a_table_change(shop, messages):
    everything = Prepared("SELECT * FROM pipeline_rows")
    with owner() as admin:
        admin.execute("CREATE TABLE pipeline_rows AS SELECT 1 AS a")
        admin.execute("GRANT SELECT ON pipeline_rows TO PUBLIC")
        try:
            assert pipeline.send((everything, []))[0].rows() == [(b"1",)]
            admin.execute("ALTER TABLE pipeline_rows ADD COLUMN b int DEFAULT 2")

            assert pipeline.send((everything, []))[0].rows() == [(b"1", b"2")]
        finally:
            admin.execute("DROP TABLE pipeline_rows")
    assert len(messages) == 3


# --- the connection breaks ---------------------------------------------------------------------


def backend():
    ((pid,),) = pipeline.send((BACKEND, []))[0].rows()
    return int(pid)


def test_broken_connection_is_replaced(shop, ours):
    end = Prepared(f"SELECT pg_terminate_backend({backend()}, 5000)")
    run_concurrently([lambda: pipeline.send((end, []))])

    assert pipeline.is_available()
    assert pipeline.send(scope(shop), (NAMES, []))[1].rows() == [(b"Ours",)]


def test_connection_that_breaks_during_a_message_is_closed(shop, ours):
    with pytest.raises(ConnectionLost) as caught:
        pipeline.send(scope(shop), rename(ours), (SUICIDE, []))

    assert isinstance(caught.value, OperationalError)
    assert connection.connection is None
    assert get_name(ours) == "Ours"
    assert pipeline.is_available()


@pytest.mark.parametrize(("end", "may_have_committed"), [((), False), (((COMMIT, []),), True)])
def test_lost_answer_may_have_committed_only_for_a_commit(shop, ours, end, may_have_committed):
    pipeline.send((BEGIN, []), scope(shop), rename(ours))

    with pytest.raises(ConnectionLost) as caught:
        pipeline.send((SUICIDE, []), *end)

    assert caught.value.may_have_committed is may_have_committed
    assert get_name(ours) == "Ours"


def test_interruption_closes_the_connection(shop, ours, monkeypatch):
    pipeline.send(scope(shop), (NAMES, []))

    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pipeline.PreparedConnection, "receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pipeline.send(scope(shop), (BACKEND, []))

    assert connection.connection is None
    assert pipeline.send(scope(shop), (NAMES, []))[1].rows() == [(b"Ours",)]


def test_connection_is_replaced_like_a_django_connection(shop, ours):
    before = backend()
    connection.close_at = 0

    assert pipeline.is_available()

    assert backend() != before
