"""A client for the views of `tests.config.urls`."""

import pytest
from django.test import Client


@pytest.fixture
def http(settings):
    """Return a client that gets exceptions as responses, like a real client."""
    settings.ROOT_URLCONF = "tests.config.urls"
    return Client(raise_request_exception=False)
