"""Services run in one transaction and are retried on a deadlock."""

import pytest
from django.db import OperationalError, connection, transaction

from tenants.models import Store
from tenants.scope import (
    MAX_ATTEMPTS,
    atomic_with_retry,
    retry_on_conflict,
    tenant_context,
    tenant_scope,
)
from tests.factories.tenants import StoreFactory, TenantFactory
from tests.support.parallel import run_concurrently


@pytest.mark.django_db(transaction=True)
def test_scope_opens_a_transaction_only_on_postgresql():
    """On SQLite a transaction takes the write lock, so reading must not open one."""
    shop = TenantFactory()

    with tenant_scope(shop):
        assert connection.in_atomic_block is (connection.vendor == "postgresql")
    with tenant_context(shop):
        assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_failed_service_is_rolled_back():
    shop = TenantFactory()

    @atomic_with_retry
    def two_stores():
        Store.objects.create(name="One")
        raise ZeroDivisionError

    with tenant_context(shop):
        with pytest.raises(ZeroDivisionError):
            two_stores()
        assert not Store.objects.exists()


class FakeDeadlock(Exception):
    """An error with the attributes of psycopg's."""

    def __init__(self, sqlstate):
        self.sqlstate = sqlstate


class Flaky:
    """Fail the given number of times, as in a deadlock, and then succeed."""

    def __init__(self, failures, sqlstate="40P01"):
        self.failures = failures
        self.sqlstate = sqlstate
        self.calls = 0
        self.__name__ = "flaky"

    def __call__(self):
        self.calls += 1
        store = Store.objects.create(name="New")
        if self.calls <= self.failures:
            raise OperationalError("deadlock detected") from FakeDeadlock(self.sqlstate)
        return store


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sqlstate", ["40P01", "40001"])
@pytest.mark.parametrize("failures", range(MAX_ATTEMPTS))
def test_service_is_retried_as_a_whole(failures, sqlstate):
    flaky = Flaky(failures, sqlstate)

    with tenant_context(TenantFactory()):
        store = atomic_with_retry(flaky)()

        assert flaky.calls == failures + 1
        assert list(Store.objects.all()) == [store]


@pytest.mark.django_db(transaction=True)
def test_retries_are_limited():
    flaky = Flaky(failures=100)

    with tenant_context(TenantFactory()):
        with pytest.raises(OperationalError, match="deadlock"):
            atomic_with_retry(flaky)()

        assert flaky.calls == MAX_ATTEMPTS
        assert not Store.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sqlstate", ["53300", "57014", None])
def test_other_database_errors_are_not_retried(sqlstate):
    flaky = Flaky(failures=1, sqlstate=sqlstate)

    with tenant_context(TenantFactory()), pytest.raises(OperationalError):
        atomic_with_retry(flaky)()

    assert flaky.calls == 1


@pytest.mark.django_db(transaction=True)
def test_service_inside_a_transaction_is_not_retried():
    inner = Flaky(failures=1)

    def outer():
        Store.objects.create(name="First")
        return atomic_with_retry(inner)()

    with tenant_context(TenantFactory()):
        with pytest.raises(OperationalError), transaction.atomic():
            outer()
        assert inner.calls == 1
        assert not Store.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outermost_service_is_retried_with_all_inner_services():
    inner = Flaky(failures=2)
    done = []

    @atomic_with_retry
    def outer():
        done.append(Store.objects.create(name="First"))
        return atomic_with_retry(inner)()

    with tenant_context(TenantFactory()):
        outer()

        assert (inner.calls, len(done)) == (3, 3)
        assert {store.name for store in Store.objects.all()} == {"First", "New"}


def test_decorator_keeps_name_docstring_and_arguments():
    @retry_on_conflict
    def add(left, *, right):
        """Adds."""
        return left + right

    assert (add.__name__, add.__doc__, add(1, right=2)) == ("add", "Adds.", 3)


@pytest.mark.race
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_real_deadlock_is_resolved_by_a_retry(shop):
    """Two services lock the same two rows in opposite order, and both succeed."""
    left, right = StoreFactory(tenant=shop), StoreFactory(tenant=shop)

    @atomic_with_retry
    def rename(first, second):
        Store.objects.filter(pk=first.pk).update(address="done")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.3)")
        Store.objects.filter(pk=second.pk).update(address="done")
        return True

    def in_scope(*stores):
        with tenant_context(shop):
            return rename(*stores)

    outcomes = run_concurrently([lambda: in_scope(left, right), lambda: in_scope(right, left)])

    assert outcomes == [True, True]
