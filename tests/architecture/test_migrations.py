"""Migrations match the models."""

import io

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations import AddConstraint, AddField, AddIndex
from django.db.migrations.loader import MigrationLoader

from tenants.database.concurrent_indexes import (
    BuildCheckConstraint,
    BuildIndex,
    BuildUniqueConstraint,
)
from tests.support.discovery import OURS


@pytest.mark.django_db
def test_migrations_match_the_models():
    output = io.StringIO()
    try:
        call_command("makemigrations", check=True, dry_run=True, stdout=output)
    except SystemExit:
        pytest.fail(output.getvalue())


@pytest.mark.django_db
def test_each_app_has_one_latest_migration():
    loader = MigrationLoader(connection)

    leaves = {app: loader.graph.leaf_nodes(app) for app in OURS if app in loader.migrated_apps}

    assert set(leaves) == {"tenants", "accounts", "orders"}
    assert {app: len(nodes) for app, nodes in leaves.items()} == dict.fromkeys(leaves, 1)


# Migrations up to these are older than deployments without interruption.
FIRST_CHECKED = {"tenants": 9, "accounts": 9, "orders": 13}


@pytest.mark.django_db
def test_workers_of_the_former_version_can_insert_after_a_migration():
    """They do not know new columns, which must be null or have a default in the database."""
    missing = [
        f"{app}.{name}: {operation.model_name}.{operation.name}"
        for (app, name), migration in MigrationLoader(connection).disk_migrations.items()
        if int(name[:4]) >= FIRST_CHECKED.get(app, 10_000)
        for operation in migration.operations
        if isinstance(operation, AddField)
        and not operation.field.null
        and not operation.field.has_db_default()
    ]

    assert missing == []


BUILT_WHILE_IN_USE = (BuildIndex, BuildUniqueConstraint, BuildCheckConstraint)
# Tables to which every sale writes, and which are large.
WRITTEN_BY_SALES = {
    "order",
    "orderline",
    "payment",
    "receipt",
    "chainentry",
    "stockmovement",
    "outboxevent",
    "auditevent",
}


@pytest.mark.django_db
def test_indexes_of_large_tables_are_built_while_shops_sell():
    """An index that is built as usual locks its table against writing."""
    locking = [
        f"{app}.{name}: {operation.describe()}"
        for (app, name), migration in MigrationLoader(connection).disk_migrations.items()
        if int(name[:4]) >= FIRST_CHECKED.get(app, 10_000)
        for operation in migration.operations
        if isinstance(operation, AddIndex | AddConstraint)
        and operation.model_name in WRITTEN_BY_SALES
        and (migration.atomic or not isinstance(operation, BUILT_WHILE_IN_USE))
    ]

    assert locking == []


# Migrations before these were applied already when this rule was made, or their tables are small.
FIRST_SPLIT = {"tenants": 14, "orders": 41}


@pytest.mark.django_db
def test_columns_and_indexes_are_added_in_transactions_of_their_own():
    """A new column locks its table until the transaction ends, also while an index is built."""
    locking = [
        f"{app}.{name}: {operation.describe()}"
        for (app, name), migration in MigrationLoader(connection).disk_migrations.items()
        if migration.atomic and int(name[:4]) >= FIRST_SPLIT.get(app, 10_000)
        for changed in [
            {each.model_name for each in migration.operations if isinstance(each, AddField)}
        ]
        for operation in migration.operations
        if isinstance(operation, AddIndex | AddConstraint) and operation.model_name in changed
    ]

    assert locking == []
