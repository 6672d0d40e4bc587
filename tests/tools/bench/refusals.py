"""The log-ins that are refused, each for another reason, and how long each takes."""

import logging
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest.mock import patch

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import override_settings

from accounts.models import Role, Throttle, User
from accounts.security.hashers import LeanArgon2PasswordHasher
from config.settings import PASSWORD_HASHERS
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.api import Api
from tests.tools.bench.report import print_line

PASSWORD = "correct horse battery staple"
MILLISECONDS = 1000
UNAUTHORIZED = 401
# Every other reason is compared with this one.
WRONG = "wrong password"

Body = Mapping[str, str]
Times = dict[str, list[float]]


def measure(rounds: int) -> None:
    with override_settings(PASSWORD_HASHERS=PASSWORD_HASHERS), scratch_database():
        logging.disable(logging.CRITICAL)
        reasons = refusals()
        times: Times = {name: [] for name in reasons}
        for _ in range(rounds):
            for name in random.sample(list(reasons), len(reasons)):
                times[name].append(measure_login(reasons[name]))
    report(times)


@contextmanager
def scratch_database() -> Iterator[None]:
    connection.creation.create_test_db(verbosity=0, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db("", verbosity=0)


def refusals() -> dict[str, Body]:
    """Credentials that are wrong for one reason each; whose they are is made on the way."""
    shop, closed = opened("open"), opened("closed", is_active=False)
    hired(shop, "here")
    hired(shop, "gone", is_active=False)
    hired(shop, "locked", password=make_password(None))
    hired(closed, "here")
    with patch.multiple(LeanArgon2PasswordHasher, memory_cost=8192):
        hired(shop, "former", password=make_password(PASSWORD))
    return {
        WRONG: credentials(password="another horse battery staple"),
        "unknown user": credentials(username="nobody"),
        "unknown tenant": credentials(tenant="nowhere"),
        "inactive user": credentials(username="gone"),
        "inactive tenant": credentials(tenant="closed"),
        "no password": credentials(username="locked"),
        "former parameters": credentials(username="former", password="another horse"),
    }


def opened(slug: str, *, is_active: bool = True) -> Tenant:
    return Tenant.objects.create(slug=slug, name=slug, currency="EUR", is_active=is_active)


def hired(shop: Tenant, username: str, *, password: str = "", is_active: bool = True) -> None:
    with tenant_scope(shop):
        User.objects.create(
            tenant=shop,
            username=username,
            role=Role.CASHIER,
            password=password or make_password(PASSWORD),
            is_active=is_active,
        )


def credentials(**changes: str) -> Body:
    return {"tenant": "open", "username": "here", "password": PASSWORD} | changes


def measure_login(body: Body) -> float:
    """One try, as if there had been none before."""
    Throttle.objects.all().delete()
    started = time.perf_counter()
    response = Api().post("auth/token/", dict(body))
    taken = time.perf_counter() - started
    if response.status_code != UNAUTHORIZED:
        raise SystemExit(f"{body}: {response.status_code}, and not a refused log-in.")
    return taken


def report(times: Times) -> None:
    usual = statistics.median(times[WRONG])
    print_line(f"{'reason':<20}{'median ms':>12}{'p95 ms':>10}{'to wrong password':>20}")
    for name, taken in times.items():
        middle, late = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        print_line(
            f"{name:<20}{middle * MILLISECONDS:>12.1f}{late * MILLISECONDS:>10.1f}"
            f"{middle / usual:>20.2f}"
        )
