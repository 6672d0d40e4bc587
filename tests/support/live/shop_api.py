"""Requests of a manager of the demo shop, to compare the server with what a screen shows."""

import json
from typing import Any
from urllib.request import Request, urlopen

from tests.support.live.browser import MANAGER


class ShopApi:
    def __init__(self, base: str, **credentials: str) -> None:
        self.base = f"{base}/api/v1/"
        self.access = ""
        self.access = self.post("auth/token/", MANAGER | credentials)["access"]

    def post(self, path: str, body: Any) -> Any:
        return self.send("POST", path, body)

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given = {"Content-Type": "application/json"}
        if self.access:
            given["Authorization"] = f"Bearer {self.access}"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.base + path, data, given, method=method), timeout=30) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def get_text(self, path: str) -> str:
        given = {"Authorization": f"Bearer {self.access}"}
        with urlopen(Request(self.base + path, headers=given), timeout=30) as answer:  # noqa: S310
            return answer.read().decode()

    def get_all(self, path: str) -> list[Any]:
        """Return the rows of all pages of a list."""
        rows, cursor = [], ""
        while True:
            page = self.get(f"{path}?page_size=200{cursor and f'&cursor={cursor}'}")
            rows += page["results"]
            if not page["cursor"]:
                return rows
            cursor = page["cursor"]

    def list_orders(self) -> list[Any]:
        """Return the orders in the order of their numbers."""
        orders = self.get_all("orders/")
        return sorted(orders, key=lambda order: int(order["number"].split("-")[1]))
