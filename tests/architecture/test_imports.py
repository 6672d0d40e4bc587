"""Rarely used modules are imported on first use, to save memory of each worker."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.discovery import ROOT

# Drawing PDF receipts, QR codes of HTML receipts, counters in Redis, cards at Stripe, and the tools
# of the tests.
RARE = {"weasyprint", "fontTools", "pydyf", "PIL", "segno", "redis", "django_redis"}
RARE |= {"stripe", "requests", "openpyxl"}
RARE |= {"pytest", "hypothesis", "schemathesis", "factory", "tests"}
# The pages of both admin sites, and SQLite where the database is PostgreSQL.
RARE |= {"tenants.admin", "accounts.admin", "orders.admin", "sqlite3"}
PROGRAM = """
import io, json, sys
from config.wsgi import application

def ask(path, method="GET", body=b"{}"):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""}
    environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "REMOTE_ADDR": "::1"}
    environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    statuses = []
    answer = application(environ, lambda status, headers: statuses.append(int(status[:3])))
    b"".join(answer)
    answer.close()
    return statuses[0]

statuses = [ask(path, *request) for path, *request in json.loads(sys.argv[1])]
print(json.dumps([statuses, sorted(sys.modules)]))
"""
FREQUENT = [["/health/live/"], ["/api/v1/products/"], ["/api/v1/orders/", "POST"], ["/nowhere"]]
FREQUENT += [["/api/v1/auth/token/", "POST"], ["/api/v1/reports/sales/"]]


def ask(*requests):
    """Return the statuses of the requests, and what a server without a database imported."""
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(requests)],
        cwd=ROOT,
        env=environment
        | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": "postgres://nobody@database.invalid/none",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    statuses, modules = json.loads(ran.stdout)
    return statuses, set(modules)


@pytest.mark.once
def test_server_does_not_import_rarely_used_modules():
    statuses, modules = ask(*FREQUENT)

    assert statuses == [200, 401, 401, 404, 400, 401]
    assert {"django", "orders.services.reports", "orders.fast_entries.sale"} <= modules
    assert RARE & modules == set()


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("path", ["/admin/login/", "/platform/login/"])
def test_the_first_admin_page_imports_the_pages(path):
    """Without a database, so that the response is an error."""
    _statuses, modules = ask([path])

    assert {"tenants.admin", "accounts.admin", "orders.admin"} <= modules
