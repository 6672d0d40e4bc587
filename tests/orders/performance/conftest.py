from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def assert_queries(django_assert_num_queries: Any) -> Callable[..., Any]:
    """`assert_queries(7, call)`: return the response of a call that runs seven statements."""

    def ask(expected: int, call: Callable[[], Any]) -> Any:
        with django_assert_num_queries(expected):
            response = call()
        assert response.status_code in {200, 201}, response.content
        return response

    return ask
