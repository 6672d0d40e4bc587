"""Health checks for load balancers, without versions, host names or other internals.

The cache is optional: without it, rate limits use the database.
"""

from collections.abc import Callable
from functools import wraps
from threading import Lock, Thread

import structlog
from django.core.cache import cache
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from config.problems import Problem

REQUIRED_CHECK_SECONDS = 2.0
# Longer than the timeouts of the cache client, which do not cover DNS.
OPTIONAL_CHECK_SECONDS = 1.0
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
log = structlog.get_logger("till.health")
View = Callable[[HttpRequest], HttpResponse]


def database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone() == (1,))


def shared_cache() -> bool:
    cache.set("health", "well", timeout=10)
    return bool(cache.get("health") == "well")


def migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


class Readiness:
    """Runs checks in a thread with a timeout, so that a hanging check counts as failed.

    While a check hangs, no second one is started.
    """

    def __init__(
        self, checks: dict[str, Callable[[], bool]], *, seconds: float = REQUIRED_CHECK_SECONDS
    ) -> None:
        self.checks = checks
        self.seconds = seconds
        self.busy = Lock()
        # Checks that are slow and stay valid for the life of the process once they have passed.
        self.passed_before: set[str] = set()

    def results(self) -> dict[str, bool]:
        results = dict.fromkeys(self.checks, False)
        if self.busy.acquire(timeout=self.seconds):
            thread = Thread(target=self.run_checks, args=(results,), daemon=True)
            thread.start()
            thread.join(self.seconds)
        return dict(results)

    def run_checks(self, results: dict[str, bool]) -> None:
        try:
            for name, check in self.checks.items():
                results[name] = name in self.passed_before or self.passes(name, check)
        finally:
            connections.close_all()
            self.busy.release()

    def passes(self, name: str, check: Callable[[], bool]) -> bool:
        """Return whether the check passes; the reason of a failure is only logged."""
        try:
            passed = check()
        except Exception:
            log.exception("health_check_failed", check=name)
            return False
        if passed and name == "migrations":
            self.passed_before.add(name)
        return passed


required_checks = Readiness({"database": database, "migrations": migrations})
# Separate, so that a hanging cache does not delay the other checks.
optional_checks = Readiness({"cache": shared_cache}, seconds=OPTIONAL_CHECK_SECONDS)


def read_only(view: View) -> View:
    """Decorate a view to answer 405 to methods that change something."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if request.method in SAFE_METHODS:
            return view(request)
        detail = f"Use {', '.join(SAFE_METHODS)}."
        headers = {"Allow": ", ".join(SAFE_METHODS)}
        return Problem(405, "method_not_allowed", detail, headers=headers).response(request)

    return answer


@read_only
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """Answer while the process runs. Checks no database, as a restart would not help."""
    return JsonResponse({"status": "ok"})


@read_only
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """Answer 200 if the process can serve requests, else 503."""
    required, optional = required_checks.results(), optional_checks.results()
    checks = {name: "ok" if passed else "failed" for name, passed in required.items()}
    checks |= {name: "ok" if passed else "degraded" for name, passed in optional.items()}
    if all(required.values()):
        return JsonResponse({"status": "ok", "checks": checks})
    detail = "Not ready to serve requests."
    return Problem(503, "not_ready", detail, facts={"checks": checks}).response(request)
