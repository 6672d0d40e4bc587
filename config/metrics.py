"""`GET /metrics`: the counters of all processes of this server, for Prometheus.

The page has a token of its own, METRICS_TOKEN; without one there is no page. Each process counts in
a file of PROMETHEUS_MULTIPROC_DIR, which config/gunicorn.py creates.
"""

import os
import secrets

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from accounts.services import log_in_counters  # noqa: F401  (registers its counters)
from config.health import read_only
from config.problems import Problem

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


@read_only
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the counters as text."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = secrets.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode())
    if scheme.lower() != "bearer" or not known:
        headers = {"WWW-Authenticate": 'Bearer realm="metrics"'}
        detail = "Send the token of the metrics as Authorization: Bearer."
        return Problem(401, "not_authenticated", detail, headers=headers).response(request)
    return HttpResponse(render_metrics(), content_type=CONTENT_TYPE_LATEST)


def render_metrics() -> bytes:
    """Return the sums over all processes, or the counters of this one if it is the only one."""
    registry = REGISTRY
    if DIRECTORY in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
