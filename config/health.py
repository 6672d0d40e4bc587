"""Is it running, and can it sell? For load balancers: no versions, hosts or names of anybody.

The cache helps, but nothing depends on it: while it is away the database counts instead.
"""

from collections.abc import Callable
from threading import Lock, Thread

import structlog
from django.core.cache import cache
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from config.problems import Problem

REQUIRED_CHECK_SECONDS = 2.0
# Of a server that is only of help: longer than its own time-outs, where only its name may hang.
OPTIONAL_CHECK_SECONDS = 1.0
log = structlog.get_logger("till.health")


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
    """Asks some servers, in a thread of its own, so that a hang is an answer too.

    While one question hangs no second one is asked: probes must not pile up.
    """

    def __init__(
        self, checks: dict[str, Callable[[], bool]], *, seconds: float = REQUIRED_CHECK_SECONDS
    ) -> None:
        self.checks = checks
        self.seconds = seconds
        self.busy = Lock()
        # What once held holds as long as the process runs, and is too slow to ask each time.
        self.settled: set[str] = set()

    def results(self) -> dict[str, bool]:
        results = dict.fromkeys(self.checks, False)
        if self.busy.acquire(timeout=self.seconds):
            thread = Thread(target=self.ask, args=(results,), daemon=True)
            thread.start()
            thread.join(self.seconds)
        return dict(results)

    def ask(self, results: dict[str, bool]) -> None:
        try:
            for name, check in self.checks.items():
                results[name] = name in self.settled or self.passes(name, check)
        finally:
            connections.close_all()
            self.busy.release()

    def passes(self, name: str, check: Callable[[], bool]) -> bool:
        """Whatever goes wrong is the answer, and its reason is for the log alone."""
        try:
            passed = check()
        except Exception:
            log.exception("health_check_failed", check=name)
            return False
        if passed and name == "migrations":
            self.settled.add(name)
        return passed


required_checks = Readiness({"database": database, "migrations": migrations})
# Asked apart, so that its hanging keeps nobody from hearing of the others.
optional_checks = Readiness({"cache": shared_cache}, seconds=OPTIONAL_CHECK_SECONDS)


@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else: a restart would not bring the database back."""
    return JsonResponse({"status": "ok"})


@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """The process can serve sales: send requests here."""
    results, help_ = required_checks.results(), optional_checks.results()
    checks = {name: "ok" if passed else "failed" for name, passed in results.items()}
    checks |= {name: "ok" if passed else "degraded" for name, passed in help_.items()}
    if all(results.values()):
        return JsonResponse({"status": "ok", "checks": checks})
    detail = "Not ready to serve requests."
    return Problem(503, "not_ready", detail, facts={"checks": checks}).response(request)
