"""Fast entries are disabled on SQLite."""

import pytest

from config.fast_entry import with_fast_entry
from tests.factories.accounts import UserFactory
from tests.support.api import Person

pytestmark = [pytest.mark.sqlite, pytest.mark.django_db]


def test_view_answers_requests_with_a_fast_entry():
    application = with_fast_entry(lambda environ, start_response: [b"of the view"])
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/api/v1/products/",
        "QUERY_STRING": "",
        "HTTP_AUTHORIZATION": Person(UserFactory()).defaults["Authorization"],
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
    }

    assert application(environ, pytest.fail) == [b"of the view"]
