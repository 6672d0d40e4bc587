"""Units of work: wholly or not at all, and tried again on a deadlock."""

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
def test_a_scope_is_one_transaction_where_that_holds_up_nobody():
    """On SQLite a transaction takes the write lock: reading must not open one."""
    shop = TenantFactory()

    with tenant_scope(shop):
        assert connection.in_atomic_block is (connection.vendor == "postgresql")
    with tenant_context(shop):
        assert not connection.in_atomic_block


@pytest.mark.django_db(transaction=True)
def test_a_deed_is_done_wholly_or_not_at_all():
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
    """What psycopg raises, as far as anybody looks at it."""

    def __init__(self, sqlstate):
        self.sqlstate = sqlstate


class Flaky:
    """Fails some times, as PostgreSQL does to break a deadlock, and then works."""

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
def test_a_deed_is_tried_again_as_a_whole(failures, sqlstate):
    flaky = Flaky(failures, sqlstate)

    with tenant_context(TenantFactory()):
        store = atomic_with_retry(flaky)()

        assert flaky.calls == failures + 1
        assert list(Store.objects.all()) == [store]


@pytest.mark.django_db(transaction=True)
def test_but_not_for_ever():
    flaky = Flaky(failures=100)

    with tenant_context(TenantFactory()):
        with pytest.raises(OperationalError, match="deadlock"):
            atomic_with_retry(flaky)()

        assert flaky.calls == MAX_ATTEMPTS
        assert not Store.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sqlstate", ["53300", "57014", None])
def test_what_trying_again_does_not_mend_is_not_tried_again(sqlstate):
    flaky = Flaky(failures=1, sqlstate=sqlstate)

    with tenant_context(TenantFactory()), pytest.raises(OperationalError):
        atomic_with_retry(flaky)()

    assert flaky.calls == 1


@pytest.mark.django_db(transaction=True)
def test_within_another_transaction_only_the_whole_may_be_tried_again():
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
def test_the_outermost_deed_tries_again_with_all_that_is_inside():
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


def test_a_deed_keeps_its_name_and_arguments():
    @retry_on_conflict
    def add(left, *, right):
        """Adds."""
        return left + right

    assert (add.__name__, add.__doc__, add(1, right=2)) == ("add", "Adds.", 3)


@pytest.mark.race
@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_real_deadlock_ends_well(shop):
    """Two deeds lock the same two rows in opposite order; both get done."""
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
