"""`manage.py check --database default` reports missing database protection."""

from contextlib import contextmanager

import pytest
from django.db import connection

from tenants.database.postgres import validation
from tenants.database.postgres.base import DatabaseWrapper

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


def run_checks(wrapper=connection):
    return [warning.id for warning in wrapper.validation.check()]


@contextmanager
def owner():
    """Connect as the owner of the tables, without a separate serving role."""
    database = connection.settings_dict
    who = {**database, **database["OWNER"], "NAME": database["NAME"], "OWNER": None}
    wrapper = DatabaseWrapper(who)
    try:
        yield wrapper
    finally:
        wrapper.close()


def test_correct_configuration_has_no_warnings():
    assert run_checks() == []


def test_serving_as_owner_is_reported():
    with owner() as wrapper:
        assert run_checks(wrapper) == ["tenants.W002"]


def test_role_that_bypasses_row_level_security_is_reported(monkeypatch):
    monkeypatch.setattr(validation, "ROLE", "SELECT true, false")

    assert run_checks() == ["tenants.W001"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE tenants_store NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE tenants_store DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant_isolation ON tenants_store",
    ],
)
def test_table_without_row_level_security_is_reported(change):
    """The change is rolled back."""
    with owner() as wrapper:
        wrapper.set_autocommit(False)
        with wrapper.cursor() as cursor:
            cursor.execute(change)
        warning = wrapper.validation.check()[-1]
        wrapper.rollback()

    assert (warning.id, warning.msg) == (
        "tenants.W003",
        "Without row-level security: tenants_store.",
    )
