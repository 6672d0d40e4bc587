"""Send the requests of tests through the fast entries: `pytest --before-django`, on PostgreSQL.

Every test that uses the database commits, as requests do, and the test client asks
`config.fast_entry` first, as the server does. The tests' own assertions hold either way. The run
fails if a route was never answered before Django, so it must contain tests of all of them.
"""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test.client import ClientHandler

from config import fast_entry
from orders.models import RegisterSeries
from tenants.api.fast_entry import find_route
from tenants.models import Register, Tenant
from tenants.scope import tenant_scope
from tests.support.database_selection import uses_database

OPTION = "--before-django"
ANSWERED = "answered before Django"
PASSED_ON = "passed on to the view"
# They count the statements of the view, which a fast entry does not send one by one.
COUNTING_FIXTURES = {"statements", "django_assert_num_queries", "django_assert_max_num_queries"}

counts: Counter[tuple[str, str]] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="send requests through the fast entries")


def register_if_wanted(config: pytest.Config) -> None:
    if config.getoption(OPTION):
        config.pluginmanager.register(BeforeDjango())


class BeforeDjango:
    """The hooks of a run, and its numbers of requests and of tests with a fast answer."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.tests = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Let all tests commit, because a fast entry takes no part in their transaction."""
        left_out = [item for item in items if not is_of_use(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if is_of_use(item)]
        for item in items:
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)

    @pytest.fixture(autouse=True, scope="session")
    def answer_before_django(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch_client(patch)
            patch_shops(patch)
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[Any]:
        """Report what was answered where; reports reach the main process of parallel runs."""
        counts.clear()
        try:
            return (yield)
        finally:
            item.user_properties += [(f"{what}: {route}", n) for (what, route), n in counts.items()]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            found = {name: int(str(number)) for name, number in report.user_properties}
            self.requests.update(found)
            self.tests += any(name.startswith(ANSWERED) for name in found)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        is_main = not hasattr(session.config, "workerinput")
        if is_main and session.exitstatus == pytest.ExitCode.OK and self.find_missing():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("requests of routes with a fast entry")
        for name, number in sorted(self.requests.items()):
            terminalreporter.line(f"{number:7} {name}")
        terminalreporter.line(f"{self.tests:7} tests had an answer from before Django")
        for route in self.find_missing():
            terminalreporter.line(f"Never answered before Django: {route}", red=True)

    def find_missing(self) -> list[str]:
        names = [route.name for route in fast_entry.ROUTES.values()]
        return [name for name in names if not self.requests[f"{ANSWERED}: {name}"]]


def is_of_use(item: pytest.Item) -> bool:
    fixtures = set(getattr(item, "fixturenames", ()))
    return uses_database(item) and not COUNTING_FIXTURES & fixtures


def patch_client(patch: pytest.MonkeyPatch) -> None:
    """Let Django's test client ask the fast entries first."""
    plain = ClientHandler.__call__

    def answer(self: Any, environ: dict[str, Any]) -> Any:
        response = answer_fast(environ)
        return plain(self, environ) if response is None else response

    patch.setattr(ClientHandler, "__call__", answer)


def answer_fast(environ: dict[str, Any]) -> HttpResponse | None:
    """Return the response of a fast entry, or None. The request can still be read by the view."""
    # A server always has it.
    environ.setdefault("HTTP_HOST", "testserver")
    route, pk = find_route(fast_entry.ROUTES, environ)
    if route is None or not settings.FAST_PATHS:
        return None
    started: list[Any] = []
    body = fast_entry.answer_fast(route, pk, environ, lambda *given: started.extend(given))
    counts[PASSED_ON if body is None else ANSWERED, route.name] += 1
    return None if body is None else build_response(environ, body[0], *started)


def build_response(
    environ: dict[str, Any], body: bytes, status: str, headers: list[tuple[str, str]]
) -> HttpResponse:
    """Return what the test client expects of its handler."""
    response: Any = HttpResponse(body, status=int(status[:3]), reason=status[4:])
    del response.headers["Content-Type"]
    for name, value in headers:
        response.headers[name] = value
    response.wsgi_request = WSGIRequest(environ | {"wsgi.input": io.BytesIO()})
    found: HttpResponse = response
    return found


def patch_shops(patch: pytest.MonkeyPatch) -> None:
    """Create shops and registers as after their first sale, which the view makes."""
    save_tenant, save_register = Tenant.save, Register.save

    def save_in_use(self: Tenant, *args: Any, **options: Any) -> None:
        if self._state.adding:
            self.has_orders = True
        save_tenant(self, *args, **options)

    def save_with_series(self: Register, *args: Any, **options: Any) -> None:
        is_new = self._state.adding
        save_register(self, *args, **options)
        if is_new:
            with tenant_scope(self.tenant):
                RegisterSeries.objects.get_or_create(register=self)

    patch.setattr(Tenant, "save", save_in_use)
    patch.setattr(Register, "save", save_with_series)
