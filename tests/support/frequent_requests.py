"""The requests that terminals send most often, through the whole application."""

import json
from typing import Any

from accounts.models import User
from orders.models import Product
from tenants.models import Register
from tests.support.api import Person
from tests.support.both_ways import call
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.terminals import PIN, PairedTerminal
from tests.support.till import amount, cash, line, new_id


class Requests:
    """What a cashier's terminal sends, through the whole application."""

    def __init__(self, cashier, register, product):
        self.cashier, self.register, self.product = cashier, register, product
        self.headers = {"authorization": f"Bearer {Person(cashier).tokens.access}"}

    def get(self, path):
        return self.answer("GET", path, None)

    def search_on(self):
        first = self.get(f"products/?search={self.product.sku}&page_size=1")
        return self.get(first["next"].partition("/v1/")[2])

    def post(self, path, body, **headers):
        return self.answer("POST", path, body, **headers)

    def answer(self, method, path, body, **headers):
        sent = b"" if body is None else json.dumps(body).encode()
        answer = call(method, f"/api/v1/{path}", sent, **self.headers, **headers)
        assert answer.status.startswith("2"), (path, answer)
        return json.loads(answer.body)

    def sell(self, **more):
        body = {
            "id": new_id(),
            "register": str(self.register.pk),
            "lines": [line(self.product)],
            "payments": [cash("2.50")],
        }
        return self.post("orders/", body | more)

    def sell_with_key(self):
        body = {"register": str(self.register.pk), "lines": [line(self.product)]}
        key = {"idempotency-key": new_id()}
        return self.post("orders/", body | {"payments": [cash("2.50")]}, **key)

    def sell_with_discount(self):
        parts = [cash("1.00"), {"method": "cash"}]
        return self.sell(discounts=[amount("0.10")], payments=parts)

    def pay_later(self):
        order = self.sell(payments=[])
        return self.post(f"orders/{order['id']}/payments/", {"id": new_id(), "method": "cash"})

    def refund(self):
        order = self.sell()
        body = {"reason": "Leaking", "lines": [{"line": order["lines"][0]["id"], "quantity": "1"}]}
        return self.post(f"orders/{order['id']}/refunds/", body, **{"idempotency-key": new_id()})

    def log_in(self):
        credentials = {"tenant": "green", "username": "c1", "password": PASSWORD}
        return self.post("auth/token/", credentials)


PASSWORD = "correct horse battery staple"
CALLS = {
    "product by barcode": lambda asked: asked.get("products/?barcode=42"),
    "page of products": lambda asked: asked.get("products/"),
    "product search": lambda asked: asked.get(f"products/?search={asked.product.sku}"),
    "product search, next page": Requests.search_on,
    "product search by barcode": lambda asked: asked.get("products/?search=42"),
    "page of orders": lambda asked: asked.get("orders/"),
    "order": lambda asked: asked.get(f"orders/{asked.sell()['id']}/"),
    "stock": lambda asked: asked.get("stock/"),
    "changes": lambda asked: asked.get("changes/?after=0"),
    "sale": Requests.sell,
    "sale with an Idempotency-Key": Requests.sell_with_key,
    "sale with a discount and two payments": Requests.sell_with_discount,
    "open order, and paid later": Requests.pay_later,
    "refund": Requests.refund,
    "log-in": Requests.log_in,
}


class OtherRequests(Requests):
    """What terminals send besides, with a manager and a paired terminal."""

    def __init__(self, cashier: User, register: Register, product: Product, manager: User) -> None:
        super().__init__(cashier, register, product)
        self.manager = Requests(manager, register, product)
        self.paired = PairedTerminal(register, manager)
        self.person = Person(cashier)
        self.sequence = 0

    def log_in_by_pin(self) -> Any:
        body = {"user": str(self.cashier.pk), "pin": PIN}
        return self.post("auth/pin/", body, **{"x-terminal-token": self.paired.token})

    def list_users_of_terminal(self) -> Any:
        return self.answer(
            "GET", "auth/pin/users/", None, **{"x-terminal-token": self.paired.token}
        )

    def refresh(self) -> Any:
        return self.post("auth/token/refresh/", {"refresh": Person(self.cashier).tokens.refresh})

    def open_order(self) -> Any:
        return self.sell(payments=[])

    def add_line(self) -> Any:
        return self.post(f"orders/{self.open_order()['id']}/lines/", line(self.product))

    def hold_and_resume(self) -> Any:
        order = self.open_order()
        self.post(f"orders/{order['id']}/hold/", {})
        return self.post(f"orders/{order['id']}/resume/", {})

    def pay_by_card(self) -> Any:
        return self.sell(payments=[{"id": new_id(), "method": "card", "amount": "2.50"}])

    def calculate(self) -> Any:
        body = {"register": str(self.register.pk), "lines": [line(self.product)]}
        return self.post("orders/calculate/", body)

    def upload(self) -> Any:
        self.sequence += 1
        sale = build_offline_sale(self.sequence, build_offline_line(self.product))
        return self.post("sync/orders/", {"register": str(self.register.pk), "batch": [sale]})

    def work_a_shift(self) -> Any:
        """Open a shift, pay in, count and close it."""
        shift = self.post(
            "shifts/",
            {"id": new_id(), "register": str(self.register.pk), "opening_float": "10.00"},
        )
        path = f"shifts/{shift['id']}"
        movement = {"id": new_id(), "type": "paid_in", "amount": "1.00", "reason": "Change"}
        self.post(f"{path}/cash-movements/", movement)
        self.sell()
        self.manager.get(f"{path}/x-report/")
        self.post(f"{path}/end/", None)
        counted = {"counted": [{"method": "cash", "amount": "13.50"}]}
        return self.post(f"{path}/close/", counted)


OTHER_CALLS = {
    "product by SKU": lambda asked: asked.get(f"products/?sku={asked.product.sku}"),
    "product by id": lambda asked: asked.get(f"products/{asked.product.pk}/"),
    "categories": lambda asked: asked.get("categories/"),
    "tax classes": lambda asked: asked.get("tax-classes/"),
    "registers and stores": lambda asked: (asked.get("registers/"), asked.get("stores/")),
    "own profile": lambda asked: asked.get("auth/me/"),
    "refreshed token": OtherRequests.refresh,
    "users at a terminal": OtherRequests.list_users_of_terminal,
    "log-in by PIN": OtherRequests.log_in_by_pin,
    "price calculation": OtherRequests.calculate,
    "added line": OtherRequests.add_line,
    "order held and resumed": OtherRequests.hold_and_resume,
    "card sale": OtherRequests.pay_by_card,
    "receipt": lambda asked: asked.get(f"orders/{asked.sell()['id']}/receipt/"),
    "upload of an offline sale": OtherRequests.upload,
    "shift": OtherRequests.work_a_shift,
    "users": lambda asked: asked.manager.get("users/"),
    "stock movements": lambda asked: asked.get("stock/movements/"),
}
