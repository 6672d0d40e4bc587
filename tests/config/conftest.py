"""The client of these tests: over plain HTTP to the small views of `tests.config.urls`."""

import pytest
from django.test import Client

OURS = [
    "config.middleware.RequestIdMiddleware",
    "config.middleware.AccessLogMiddleware",
    "config.middleware.BodyLengthMiddleware",
    "config.middleware.NoStoreMiddleware",
]


@pytest.fixture
def http(settings):
    """Failures come back as answers, as they do to a real client."""
    settings.ROOT_URLCONF = "tests.config.urls"
    settings.MIDDLEWARE = [*OURS, *(each for each in settings.MIDDLEWARE if each not in OURS)]
    return Client(raise_request_exception=False)
