"""`manage.py check --database default` says what is open, to whoever runs the installation."""

from contextlib import contextmanager

import pytest
from django.db import connection

from tenants.database.postgres import validation
from tenants.database.postgres.base import DatabaseWrapper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def found(wrapper=connection):
    return [warning.id for warning in wrapper.validation.check()]


@contextmanager
def owner():
    """A connection of the tables' owner, which nobody has told that somebody else serves."""
    database = connection.settings_dict
    who = {**database, **database["OWNER"], "NAME": database["NAME"], "OWNER": None}
    wrapper = DatabaseWrapper(who)
    try:
        yield wrapper
    finally:
        wrapper.close()


def test_as_it_should_be_there_is_nothing_to_say():
    assert found() == []


def test_an_owner_who_serves_is_named():
    with owner() as wrapper:
        assert found(wrapper) == ["tenants.W002"]


def test_whoever_is_above_the_walls_is_named(monkeypatch):
    monkeypatch.setattr(validation, "ROLE", "SELECT true, false")

    assert found() == ["tenants.W001"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE tenants_store NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_store DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON tenants_store",
    ],
)
def test_a_table_without_its_walls_is_named_until_they_are_raised(change):
    """Inside a transaction that is given up."""
    with owner() as wrapper:
        wrapper.set_autocommit(False)
        with wrapper.cursor() as cursor:
            cursor.execute(change)
        open_table = wrapper.validation.check()[-1]
        wrapper.rollback()

    assert (open_table.id, open_table.msg) == (
        "tenants.W003",
        "Without row-level security: tenants_store.",
    )
