"""Row-level security of every tenant table, read from PostgreSQL's catalog."""

import ast

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import User
from tenants.models import TenantOwned
from tests.support.discovery import OURS, ROOT, files, our_models, owned_models

# Its rows may have no tenant, so the tenant cannot be in the key; nothing references it.
KEY_WITHOUT_SHOP = {"tenants_auditevent"}
TABLES = {model._meta.db_table for model in owned_models()}
# Files that work across tenants, and why.
CROSS_TENANT_FILES = {
    "accounts/migrations/0008_refund_methods_and_drops.py": "the approvals of every shop",
    "accounts/services/login_attempts.py": "log-ins without a shop are counted as well",
    "accounts/services/browser_sessions.py": "a cookie names a session, the session names the shop",
    "accounts/services/login.py": "no user is logged in yet",
    "accounts/services/login_lookup.py": "no user is logged in yet",
    "accounts/services/pairing_codes.py": "a code names a register, the register names the shop",
    "accounts/services/pruning.py": "what is old is old in every shop",
    "accounts/services/session_check.py": "the user of a token, who has been read in its tenant",
    "accounts/services/sessions.py": "a token names a session, the session names the shop",
    "accounts/services/service_keys.py": "a key names its shop, before which nothing is known",
    "accounts/services/terminals.py": "a token names a terminal, the terminal names the shop",
    "accounts/models/user.py": "a person's rows are found by the person, who is in one shop",
    "orders/management/commands/fill_barcode_keys.py": "the ids of the shops with label rules",
    "orders/services/catalog/barcode_keys.py": "barcodes without a key, of every shop",
    "orders/services/payment_events.py": "an event names a provider, the provider names the shop",
    "orders/services/reconciliation.py": "the relay asks which shop has something left to do",
    "orders/services/reports/summary.py": "the relay asks which shop has hours to summarize",
    "tenants/admin_site.py": "the pages of the platform",
    "tenants/audit.py": "what happened at the door of no shop",
    "tenants/events/change_feed.py": "the relay asks which shop has changes without a place",
    "tenants/database/postgres/schema.py": "migrations are for every shop",
    "tenants/database/compiled_queries.py": "translates a query that names its shop; asks nothing",
    "tenants/events/delivery/queue.py": "the relay asks which shop has something to tell",
    "tenants/api/views.py": "no rows, for the description of the API",
}

postgres = pytest.mark.postgres
db = pytest.mark.django_db


def run_sql(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


@postgres
@db
def test_attack_161_serving_role_cannot_bypass_row_level_security():
    """Otherwise every test of row-level security would pass without it."""
    ((superuser, bypasses, creates),) = run_sql(
        "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )
    owned = run_sql("SELECT relname FROM pg_class WHERE pg_has_role(relowner, 'MEMBER')")
    empties = run_sql(
        "SELECT tablename FROM pg_tables, format('%%I.%%I', schemaname, tablename) AS name "
        "WHERE schemaname = current_schema() "
        "AND has_table_privilege(name, 'TRUNCATE, TRIGGER, REFERENCES')"
    )

    assert (superuser, bypasses, creates, owned, empties) == (False, False, False, [], [])


@postgres
@db
def test_attack_161_every_tenant_table_has_the_policy():
    forced = {
        name
        for (name,) in run_sql(
            "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
        )
    }
    policies = run_sql(
        "SELECT tablename, permissive, cmd, roles::text[], qual, with_check FROM pg_policies"
    )

    assert forced == TABLES
    assert sorted(table for table, *_ in policies) == sorted(TABLES)
    rules = {tuple(map(str, rest)) for _, *rest in policies}
    assert len(rules) == 1
    ((permissive, command, roles, using, with_check),) = rules
    assert (permissive, command, roles) == ("PERMISSIVE", "ALL", "['public']")
    assert using == with_check
    assert "app.tenant" in using
    # A subquery, so the planner computes it once per statement and not per row.
    assert using.count("SELECT") == 2


@postgres
@db
def test_attack_161_schema_has_no_views():
    assert run_sql("SELECT viewname FROM pg_views WHERE schemaname = current_schema()") == []


@postgres
@db
def test_attack_161_every_key_of_a_tenant_table_starts_with_the_tenant():
    keys = run_sql(
        "SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid::regclass::text = ANY (%s)",
        sorted(TABLES - KEY_WITHOUT_SHOP),
    )

    assert {table for table, kind, _ in keys if kind == "p"} == TABLES - KEY_WITHOUT_SHOP
    assert {text for _, kind, text in keys if kind == "p"} == {"PRIMARY KEY (tenant_id, id)"}
    assert [text for *_, text in keys if "(tenant_id" not in text] == []
    unique = run_sql(
        "SELECT indexdef FROM pg_indexes WHERE tablename = ANY (%s) AND indexdef LIKE %s",
        sorted(TABLES - KEY_WITHOUT_SHOP),
        "CREATE UNIQUE%",
    )
    assert [text for (text,) in unique if "(tenant_id" not in text] == []


@postgres
@db
def test_attack_161_every_foreign_key_includes_the_tenant():
    found = {
        (table, text)
        for table, text in run_sql(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) "
            "FROM pg_constraint WHERE contype = 'f'"
        )
    }
    expected = {
        (
            model._meta.db_table,
            f"FOREIGN KEY (tenant_id, {field.column}) "
            f"REFERENCES {field.remote_field.model._meta.db_table}(tenant_id, id)",
        )
        for model in owned_models()
        for field in model._meta.concrete_fields
        if field.remote_field and issubclass(field.remote_field.model, (TenantOwned, User))
    }

    assert len(expected) > len(TABLES)
    assert expected <= found
    within = {text for table, text in found if table in TABLES} - {text for _, text in expected}
    assert within == {"FOREIGN KEY (tenant_id) REFERENCES tenants_tenant(id)"}


@postgres
@db
def test_tables_with_a_tenant_column_are_the_tenant_tables():
    """The database backend recognizes tenant tables by the column `tenant_id`."""
    named = {model._meta.db_table for model in our_models() if not model._meta.proxy} & {
        table
        for (table,) in run_sql(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'tenant_id'"
        )
    }

    assert named == TABLES | {User._meta.db_table}


@postgres
def test_serving_role_and_migrating_role_differ():
    database = settings.DATABASES["default"]

    assert database["ENGINE"] == "tenants.database.postgres"
    assert database["OWNER"]["USER"] != database["USER"]


def test_files_that_work_across_tenants_are_known():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in files(".py")
        if path.relative_to(ROOT).parts[0] in OURS
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "across_tenants"
    }

    assert found == set(CROSS_TENANT_FILES)
    assert all(CROSS_TENANT_FILES.values())
