"""Migrations match the models."""

import io

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

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
