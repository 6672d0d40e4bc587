"""SQL without the ORM, for tests of row-level security."""

from django.db import connection

COUNT = "SELECT count(*) FROM {}"
INSERT = "INSERT INTO {} (id, tenant_id) VALUES (%s, %s)"
# A cluster refuses to move a row before its policies do.
RLS_VIOLATION = "violates row-level security policy|modifying the partition value"


def run_sql(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def read_session_variables():
    ((tenant, across),) = run_sql(
        "SELECT current_setting('app.tenant', true), current_setting('app.across', true)"
    )
    return tenant or "", across or ""


def names():
    return {name for (name,) in run_sql("SELECT name FROM tenants_store")}
