"""Tills that sell, take payments, give money back and shelve goods, as fast as they are answered.

What each was told is kept: it has to be in the books.
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
from tests.support.live.http_client import PATIENCE
from tests.support.till import Body, Till, card, cash, line, new_id

REQUESTS = int(os.environ.get("LIVE_REQUESTS", "300"))


@dataclass
class Answered:
    """What was asked under one key, and what somebody was told of it in the end."""

    path: str
    key: str
    body: Body
    by: Person
    answer: Any

    def again(self) -> Any:
        return self.by.post(self.path, self.body, Idempotency_Key=self.key)


@dataclass
class CashierWorker:
    """Somebody at a till, with whoever may take things back, and one thing after the other."""

    till: Till
    manager_client: Person
    products: list[Product]
    seed: int
    told: list[Answered] = field(default_factory=list)
    is_done: bool = False

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311

    def work(self, requests: int) -> None:
        deeds = cycle([self.sale, self.sale, self.rung_up_and_paid, self.refund, self.delivery])
        for deed in deeds:
            for told in deed():
                self.told.append(told)
                requests -= 1
            if requests <= 0 or self.is_done:
                return

    def ask(self, path: str, body: Body, person: Person | None = None) -> Answered:
        """Half of them with ids of the terminal's own, half with a key that stands for them."""
        body, key = body if self.chance.random() < 0.5 else without_ids(body), new_id()
        told = Answered(path, key, body, person or self.till, None)
        told.answer = told.again()
        assert told.answer.status_code in {200, 201}, told.answer
        return told

    def basket(self, count: int) -> list[Body]:
        return [line(each) for each in self.chance.sample(self.products, count)]

    def sale(self) -> Iterator[Answered]:
        """Each product costs 2.50."""
        pay = self.chance.choice([card, cash])
        body = self.till.order(*self.basket(2), payments=[pay("5.00")])
        yield self.ask("orders/", body)

    def rung_up_and_paid(self) -> Iterator[Answered]:
        rung_up = self.ask("orders/", self.till.order(*self.basket(1)))
        yield rung_up
        path = f"orders/{rung_up.answer.json()['id']}/payments/"
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
    """All of them at once, as long as `with crowd:` lasts, or until all is asked."""

    def __init__(self, cashier_workers: list[CashierWorker], requests: int = REQUESTS) -> None:
        self.cashier_workers = cashier_workers
        self.errors: list[BaseException] = []
        self.threads = [
            Thread(target=self.run, args=(clerk, requests // len(cashier_workers)), daemon=True)
            for clerk in cashier_workers
        ]

    def run(self, clerk: CashierWorker, requests: int) -> None:
        try:
            clerk.work(requests)
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Nobody goes on asking when a test has failed and its shop is gone."""
        for clerk in self.cashier_workers:
            clerk.is_done = True
        for thread in self.threads:
            thread.join(PATIENCE)

    def goes_on(self, answers: int) -> bool:
        """Wait until so many more have been answered; False once nobody asks any more."""
        goal = self.answered + answers
        while self.answered < goal and any(thread.is_alive() for thread in self.threads):
            time.sleep(0.005)
        return self.answered >= goal

    @property
    def answered(self) -> int:
        return sum(len(clerk.told) for clerk in self.cashier_workers)

    def end(self) -> list[Answered]:
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors
        return [told for clerk in self.cashier_workers for told in clerk.told]
