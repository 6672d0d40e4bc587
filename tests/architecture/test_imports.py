"""Rarely used libraries are imported on first use, to save memory of each worker."""

import json
import os
import subprocess
import sys

import pytest

from tests.support.discovery import ROOT

# Drawing PDF receipts, QR codes of HTML receipts, counters in Redis, and the tools of the tests.
RARE = {"weasyprint", "fontTools", "pydyf", "PIL", "segno", "redis", "django_redis"}
RARE |= {"pytest", "hypothesis", "schemathesis", "factory", "tests"}
PROGRAM = """
import io, json, sys
from config.wsgi import application

def ask(path, method="GET", body=b""):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": ""}
    environ |= {"SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http"}
    environ |= {"wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr, "REMOTE_ADDR": "::1"}
    environ |= {"CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
    statuses = []
    answer = application(environ, lambda status, headers: statuses.append(int(status[:3])))
    b"".join(answer)
    answer.close()
    return statuses[0]

statuses = [ask("/health/live/"), ask("/api/v1/products/")]
statuses.append(ask("/api/v1/auth/token/", "POST", b"{}"))
print(json.dumps([statuses, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.mark.once
def test_server_does_not_import_rarely_used_libraries():
    environment = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment
        | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": "sqlite://:memory:"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    statuses, packages = json.loads(ran.stdout)
    assert statuses == [200, 401, 400]
    assert {"django", "orders", "rest_framework"} <= set(packages)
    assert RARE & set(packages) == set()
