"""The client of these tests: over plain HTTP to the small views of `tests.config.urls`."""

import pytest
from django.test import Client


@pytest.fixture
def http(settings):
    """Failures come back as answers, as they do to a real client."""
    settings.ROOT_URLCONF = "tests.config.urls"
    return Client(raise_request_exception=False)
