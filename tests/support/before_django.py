"""Send the requests of tests through the fast entries: `pytest --before-django`, on PostgreSQL.

Every test that uses the database commits, as requests do, and the test client asks
`config.fast_entry` first, as the server does. The tests' own assertions hold either way. The run
fails if a route was never answered before Django, so it must contain tests of all of them.

Tests that cannot run like this are deselected and counted, each with the reason in its marker
`view_only`, or by what LEFT_OUT says.
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

from accounts.models import User
from accounts.security.tokens import read_access
from config import fast_entry
from orders.models import RegisterSeries
from tenants.api.fast_entry import BEARER, find_route
from tenants.models import Register, Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.support.database_selection import select_beyond_sample, uses_database

OPTION = "--before-django"
ANSWERED = "answered before Django"
PASSED_ON = "passed on to the view"
CREATE_ORDER = "POST orders/"
# They count the statements of the view, which a fast entry does not send one by one.
COUNTING_FIXTURES = {"statements", "django_assert_num_queries", "django_assert_max_num_queries"}
# They compare both ways themselves, in shops before and after their first sale.
COMPARING_FOLDER = "fast_entries"

counts: Counter[tuple[str, str]] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        OPTION,
        nargs="?",
        const="all",
        choices=["all", "sample"],
        help="send requests through the fast entries; `sample`: some cases of each test",
    )


def register_if_wanted(config: pytest.Config) -> None:
    if config.getoption(OPTION):
        config.pluginmanager.register(BeforeDjango())


@pytest.fixture(autouse=True, scope="session")
def answer_before_django(pytestconfig: pytest.Config) -> Iterator[None]:
    """Let Django's test client ask the fast entries first."""
    with pytest.MonkeyPatch.context() as patch:
        if pytestconfig.getoption(OPTION):
            patch_client(patch)
            patch_registers(patch)
        yield


class BeforeDjango:
    """The hooks of a run, and its numbers of requests and of tests with a fast answer."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.tests = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Let all tests commit, because a fast entry takes no part in their transaction."""
        reasons = {item: find_reason_to_leave_out(item) for item in items}
        if config.getoption(OPTION) == "sample":
            left = (item for item in items if not reasons[item])
            reasons |= dict.fromkeys(select_beyond_sample(left), "cases beyond the sample")
        config.hook.pytest_deselected(items=[item for item in items if reasons[item]])
        self.left_out.update(filter(None, reasons.values()))
        items[:] = [item for item in items if not reasons[item]]
        for item in items:
            item.add_marker(pytest.mark.django_db(transaction=True), append=False)

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
        for reason, number in self.left_out.most_common():
            terminalreporter.line(f"{number:7} tests are left out: {reason}")
        for route in self.find_missing():
            terminalreporter.line(f"Never answered before Django: {route}", red=True)

    def find_missing(self) -> list[str]:
        names = [route.name for route in fast_entry.ROUTES.values()]
        return [name for name in names if not self.requests[f"{ANSWERED}: {name}"]]


def find_reason_to_leave_out(item: pytest.Item) -> str | None:
    if not uses_database(item):
        return "without a database"
    if COUNTING_FIXTURES & set(getattr(item, "fixturenames", ())):
        return "counts the statements of the view"
    if COMPARING_FOLDER in item.path.parts:
        return "sends its requests both ways itself"
    marker = item.get_closest_marker("view_only")
    return str(marker.args[0]) if marker else None


def patch_client(patch: pytest.MonkeyPatch) -> None:
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
    if route.name == CREATE_ORDER:
        begin_selling()
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
    response.wsgi_request.user = load_user(environ)
    found: HttpResponse = response
    return found


def load_user(environ: dict[str, Any]) -> User:
    """Return the user of a valid token, as authentication sets it, for what checks responses."""
    bearer = BEARER.fullmatch(environ["HTTP_AUTHORIZATION"])
    assert bearer is not None
    with across_tenants():
        user: User = User.objects.select_related("tenant").get(pk=read_access(bearer[1]).user)
    return user


def begin_selling() -> None:
    """Make shops as after their first sale, which is the view's."""
    with across_tenants():
        Tenant.objects.filter(has_orders=False).update(has_orders=True)


def patch_registers(patch: pytest.MonkeyPatch) -> None:
    """Create registers as after their first sale, which is the view's."""
    save = Register.save

    def save_with_series(self: Register, *arguments: Any, **options: Any) -> None:
        is_new = self._state.adding
        save(self, *arguments, **options)
        if is_new:
            with tenant_scope(self.tenant):
                RegisterSeries.objects.create(register=self)

    patch.setattr(Register, "save", save_with_series)
