"""A network between a page and the API that is cut in the middle of a chosen request."""

import re
from typing import Literal

from playwright.sync_api import Page, Route

Moment = Literal["request", "answer"]


class NetworkCut:
    """Lose one request, or only its answer, and everything after it until the network is back."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.is_down = False
        self.armed: tuple[str, re.Pattern[str], Moment] | None = None
        self.lost: list[str] = []
        page.route("**/api/v1/**", self._carry)

    def arm(self, method: str, path: str, moment: Moment) -> None:
        """Cut the network at the next request whose path matches from its beginning."""
        self.armed = method, re.compile(rf"{path}(\?.*)?$"), moment

    def _carry(self, route: Route) -> None:
        path = route.request.url.partition("/api/v1/")[2]
        if self.is_down:
            route.abort()
        elif self.armed and self._matches(route.request.method, path):
            self._lose(route, path)
        else:
            route.continue_()

    def _matches(self, method: str, path: str) -> bool:
        assert self.armed is not None
        wanted, pattern, _ = self.armed
        return method == wanted and pattern.match(path) is not None

    def _lose(self, route: Route, path: str) -> None:
        assert self.armed is not None
        moment, self.armed, self.is_down = self.armed[2], None, True
        if moment == "answer":
            route.fetch()
        self.lost.append(path)
        route.abort()

    def come_back(self) -> None:
        """Carry everything again, tell the page as the system does, and wait until it knows."""
        self.is_down = False
        self.page.evaluate("dispatchEvent(new Event('online'))")
        # The set-up sends nothing by itself.
        self.page.wait_for_selector("body:not(:has(.connection.offline)), main.setup")
