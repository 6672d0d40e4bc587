"""Cashiers that sell, take payments, refund and receive stock as fast as they are answered.

Their answers are kept, to compare them with the stored data.
"""

import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from threading import Thread
from typing import Any, Self

from orders.models import Product
from tests.support.api import Person
from tests.support.idempotency import without_ids
from tests.support.live.http_client import TIMEOUT
from tests.support.till import Body, Till, card, cash, line, new_id

REQUESTS = int(os.environ.get("LIVE_REQUESTS", "300"))
# Actions that take less time than an access token is valid.
ACTIONS_WITH_A_TOKEN = 100


@dataclass
class Answered:
    """A request with its key and its final answer."""

    path: str
    key: str
    body: Body
    by: Person
    answer: Any

    def again(self) -> Any:
        return self.by.post(self.path, self.body, Idempotency_Key=self.key)


@dataclass
class CashierWorker:
    """A cashier at a till, with a manager for refunds, who works sequentially."""

    till: Till
    manager_client: Person
    products: list[Product]
    seed: int
    answers: list[Answered] = field(default_factory=list)
    is_done: bool = False

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311

    def work(self, requests: int) -> None:
        actions = cycle(
            [self.sale, self.sale, self.open_order_and_payments, self.refund, self.delivery]
        )
        for number, action in enumerate(actions, 1):
            if number % ACTIONS_WITH_A_TOKEN == 0:
                self.till.renew_tokens()
                self.manager_client.renew_tokens()
            for answered in action():
                self.answers.append(answered)
                requests -= 1
            if requests <= 0 or self.is_done:
                return

    def ask(self, path: str, body: Body, person: Person | None = None) -> Answered:
        """Send a request, half of them with ids of the terminal and half with a key only."""
        body, key = body if self.chance.random() < 0.5 else without_ids(body), new_id()
        answered = Answered(path, key, body, person or self.till, None)
        answered.answer = answered.again()
        assert answered.answer.status_code in {200, 201}, answered.answer
        return answered

    def basket(self, count: int) -> list[Body]:
        return [line(each) for each in self.chance.sample(self.products, count)]

    def sale(self) -> Iterator[Answered]:
        """Sell two products for 2.50 each."""
        pay = self.chance.choice([card, cash])
        body = self.till.order(*self.basket(2), payments=[pay("5.00")])
        yield self.ask("orders/", body)

    def open_order_and_payments(self) -> Iterator[Answered]:
        order = self.ask("orders/", self.till.order(*self.basket(1)))
        yield order
        path = f"orders/{order.answer.json()['id']}/payments/"
        yield self.ask(path, cash("1.00"))
        yield self.ask(path, cash("1.50", tendered="2.00"))

    def refund(self) -> Iterator[Answered]:
        body = self.till.order(*self.basket(2), payments=[cash("5.00")])
        sold = self.ask("orders/", body)
        yield sold
        order = sold.answer.json()
        lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
        body = {"register": str(self.till.register.pk), "lines": lines, "reason": "Bruised"}
        yield self.ask(
            f"orders/{order['id']}/refunds/", {"id": new_id(), **body}, self.manager_client
        )

    def delivery(self) -> Iterator[Answered]:
        store = str(self.till.register.store_id)
        body = {"type": "receive", "store": store, "quantity": "5"}
        body |= {"id": new_id(), "product": str(self.chance.choice(self.products).pk)}
        yield self.ask("stock/movements/", body, self.manager_client)


class WorkerPool:
    """Run all workers until the `with` block ends or all requests are sent."""

    def __init__(self, cashier_workers: list[CashierWorker], requests: int = REQUESTS) -> None:
        self.cashier_workers = cashier_workers
        self.errors: list[BaseException] = []
        self.threads = [
            Thread(target=self.run, args=(worker, requests // len(cashier_workers)), daemon=True)
            for worker in cashier_workers
        ]

    def run(self, worker: CashierWorker, requests: int) -> None:
        try:
            worker.work(requests)
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the workers when a test has failed and its shop is gone."""
        for worker in self.cashier_workers:
            worker.is_done = True
        for thread in self.threads:
            thread.join(TIMEOUT)

    def wait_for_answers(self, answers: int) -> bool:
        """Wait for so many more answers; return False if the workers end before."""
        goal = self.answered + answers
        while self.answered < goal and any(thread.is_alive() for thread in self.threads):
            time.sleep(0.005)
        return self.answered >= goal

    @property
    def answered(self) -> int:
        return sum(len(worker.answers) for worker in self.cashier_workers)

    def end(self) -> list[Answered]:
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors
        return [answered for worker in self.cashier_workers for answered in worker.answers]
