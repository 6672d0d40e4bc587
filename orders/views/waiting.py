"""Wait for the outcome of a payment or refund with one request."""

import re
from abc import abstractmethod
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orders.services.payments.waiting import MAX_WAIT, wait_while
from tenants.api.views import ListRetrieveMixin
from tenants.exceptions import Invalid

# The client asks again after so many seconds if the server has no thread to wait with.
RETRY_AFTER = 2
WHOLE_SECONDS = re.compile(r"[0-9]{1,2}")
WAIT_PARAMETER = OpenApiParameter(
    "wait", int, description="Seconds to wait for an outcome, 0 to 20."
)


class WaitMixin(ListRetrieveMixin):
    """Retrieve a row once its outcome is known or the time of `wait` is over.

    If many requests wait already, the answer comes at once, with `Retry-After`.
    """

    # Set by an action with parameters of its own.
    params_of_action: tuple[str, ...] = ()

    @property
    def query_params(self: Any) -> tuple[str, ...]:
        return ("wait",) if self.action == "retrieve" else self.params_of_action

    @query_params.setter
    def query_params(self, names: tuple[str, ...]) -> None:
        self.params_of_action = names

    @property
    @abstractmethod
    def in_progress(self) -> Any:
        """Return all rows without an outcome."""

    @extend_schema(parameters=[WAIT_PARAMETER])
    def retrieve(self: Any, request: Request, pk: Any) -> Response:
        seconds = parse_wait(request)
        has_place = not seconds or self.wait(seconds)
        response: Response = super().retrieve(request, pk)
        if not has_place:
            response["Retry-After"] = str(RETRY_AFTER)
        return response

    def wait(self: Any, seconds: int) -> bool:
        """Wait for the row of the request. Returns False if too many requests wait already."""
        same = self.in_progress.filter(pk=self.get_object().pk)
        return not same.exists() or wait_while(same.all().exists, seconds)


def parse_wait(request: Request) -> int:
    """Return the seconds that the client wants to wait."""
    text = request.query_params.get("wait", "0")
    if WHOLE_SECONDS.fullmatch(text) is None or int(text) > MAX_WAIT:
        raise Invalid.field("wait", f"Must be a whole number from 0 to {MAX_WAIT}.")
    return int(text)
