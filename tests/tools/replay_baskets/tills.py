"""Several tills at once, each selling its own baskets one after the other."""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from threading import Event, Lock
from typing import Any

from tests.tools.replay_baskets.files import SoldBasket
from tests.tools.replay_baskets.sale import sale_of, till_of
from tests.tools.replay_baskets.shop import ReadyShop
from tests.tools.replay_baskets.terminal import Terminal

COMPLETED = "completed"
UNDERWAY = frozenset({"pending", "unknown"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a basket: sold, sold before, or refused with these words."""

    basket: SoldBasket
    seconds: float
    retries: int
    is_new: bool = False
    resolved: int = 0
    paid: Decimal | None = None
    refusal: str = ""
    differences: tuple[str, ...] = ()


Work = Sequence[tuple[SoldBasket, uuid.UUID]]


def shared_out(shop: ReadyShop, baskets: Sequence[SoldBasket], workers: int) -> list[Work]:
    """Who sells what: each worker has tills of its own, and sells their baskets in turn."""
    slug = shop.tenant.slug
    tills = {till: number for number, till in enumerate(sorted(shop.registers, key=_evenly))}
    work: dict[int, list[tuple[SoldBasket, uuid.UUID]]] = defaultdict(list)
    for basket in baskets:
        till = (basket.store, till_of(slug, basket))
        work[tills[till] % workers].append((basket, shop.registers[till]))
    return list(work.values())


def _evenly(till: tuple[str, int]) -> tuple[int, str]:
    """The first till of every store, then the second of every store: to each worker some."""
    store, number = till
    return number, store


def sell(
    shop: ReadyShop,
    work: Sequence[Work],
    url: str,
    told: Callable[[Outcome], None],
) -> None:
    """Sell everything, `told` hearing of one basket at a time; stops when a worker cannot go on."""
    stop, lock = Event(), Lock()

    def sell_all(sales: Work) -> None:
        with closing(Terminal(url, shop.log_in, pause=stop.wait)) as terminal:
            for basket, register in sales:
                if stop.is_set():
                    return
                outcome = _sell_one(terminal, sale_of(shop.tenant.slug, basket, register), basket)
                with lock:
                    told(outcome)

    with ThreadPoolExecutor(max_workers=max(len(work), 1)) as pool:
        try:
            for worker in as_completed([pool.submit(sell_all, sales) for sales in work]):
                worker.result()
        finally:
            stop.set()


def _sell_one(terminal: Terminal, sale: Mapping[str, Any], basket: SoldBasket) -> Outcome:
    answer = terminal.post("orders/", sale)
    if not answer.is_good:
        return Outcome(basket, answer.seconds, answer.retries, refusal=answer.words)
    order, resolved = _resolved(terminal, sale, answer.body)
    return Outcome(
        basket,
        answer.seconds,
        answer.retries,
        is_new=answer.status == HTTPStatus.CREATED,
        resolved=resolved,
        paid=Decimal(order["paid_total"]),
        differences=tuple(_differences(basket, order)),
    )


def _resolved(
    terminal: Terminal, sale: Mapping[str, Any], order: Mapping[str, Any]
) -> tuple[Mapping[str, Any], int]:
    """The order once it is known what became of its cards, and how many were not known.

    A server that dies while the gateway is asked leaves such a payment behind.
    """
    unclear = [each["id"] for each in order["payments"] if each["status"] in UNDERWAY]
    if not unclear:
        return order, 0
    for payment in unclear:
        terminal.post(f"payments/{payment}/resolve/", {})
    # Whatever was answered to that: the order itself says what it is now.
    now = terminal.post("orders/", sale)
    return (now.body if now.is_good else order), len(unclear)


def _differences(basket: SoldBasket, order: Mapping[str, Any]) -> Iterator[str]:
    """Where the till's figures are not those of the file."""
    if order["status"] != COMPLETED:
        yield f"is {order['status']}"
    if Decimal(order["paid_total"]) != basket.paid:
        yield f"file {basket.paid}, till {order['paid_total']}"
    if len(order["lines"]) != len(basket.lines):
        yield f"file {len(basket.lines)} lines, till {len(order['lines'])}"
        return
    for number, (was, now) in enumerate(zip(basket.lines, order["lines"], strict=True), start=1):
        if Decimal(now["total"]) != was.paid:
            yield f"line {number} ({was.sku}): file {was.paid}, till {now['total']}"
