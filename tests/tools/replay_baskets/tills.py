"""Sell at several tills at once, each with its own baskets in order."""

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
from tests.tools.replay_baskets.sale import build_sale, get_till_number
from tests.tools.replay_baskets.shop import ReadyShop
from tests.tools.replay_baskets.terminal import Terminal

COMPLETED = "completed"
UNDERWAY = frozenset({"pending", "unknown"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a basket: sold, sold before, or refused."""

    basket: SoldBasket
    seconds: float
    retries: int
    is_new: bool = False
    resolved: int = 0
    paid: Decimal | None = None
    refusal: str = ""
    differences: tuple[str, ...] = ()


Work = Sequence[tuple[SoldBasket, uuid.UUID]]


def distribute(shop: ReadyShop, baskets: Sequence[SoldBasket], workers: int) -> list[Work]:
    """Distribute the baskets: each worker has its own tills and sells their baskets in order."""
    slug = shop.tenant.slug
    tills = {till: number for number, till in enumerate(sorted(shop.registers, key=_evenly))}
    work: dict[int, list[tuple[SoldBasket, uuid.UUID]]] = defaultdict(list)
    for basket in baskets:
        till = (basket.store, get_till_number(slug, basket))
        work[tills[till] % workers].append((basket, shop.registers[till]))
    return list(work.values())


def _evenly(till: tuple[str, int]) -> tuple[int, str]:
    """Sort key: the first till of every store, then the second of every store."""
    store, number = till
    return number, store


def sell(
    shop: ReadyShop,
    work: Sequence[Work],
    url: str,
    report: Callable[[Outcome], None],
) -> None:
    """Sell everything and report each outcome; stop when a worker fails."""
    stop, lock = Event(), Lock()

    def sell_all(sales: Work) -> None:
        with closing(Terminal(url, shop.log_in, pause=stop.wait)) as terminal:
            for basket, register in sales:
                if stop.is_set():
                    return
                outcome = _sell_one(
                    terminal, build_sale(shop.tenant.slug, basket, register), basket
                )
                with lock:
                    report(outcome)

    with ThreadPoolExecutor(max_workers=max(len(work), 1)) as pool:
        try:
            for worker in as_completed([pool.submit(sell_all, sales) for sales in work]):
                worker.result()
        finally:
            stop.set()


def _sell_one(terminal: Terminal, sale: Mapping[str, Any], basket: SoldBasket) -> Outcome:
    answer = terminal.post("orders/", sale)
    if not answer.is_good:
        return Outcome(basket, answer.seconds, answer.retries, refusal=answer.summary)
    order, resolved = _resolve_payments(terminal, sale, answer.body)
    return Outcome(
        basket,
        answer.seconds,
        answer.retries,
        is_new=answer.status == HTTPStatus.CREATED,
        resolved=resolved,
        paid=Decimal(order["paid_total"]),
        differences=tuple(_differences(basket, order)),
    )


def _resolve_payments(
    terminal: Terminal, sale: Mapping[str, Any], order: Mapping[str, Any]
) -> tuple[Mapping[str, Any], int]:
    """Resolve card payments with unknown outcome; return the order and their number.

    A server that stops during a gateway call leaves such payments.
    """
    unclear = [each["id"] for each in order["payments"] if each["status"] in UNDERWAY]
    if not unclear:
        return order, 0
    for payment in unclear:
        terminal.post(f"payments/{payment}/resolve/", {})
    # After any answer, the order shows the current state.
    now = terminal.post("orders/", sale)
    return (now.body if now.is_good else order), len(unclear)


def _differences(basket: SoldBasket, order: Mapping[str, Any]) -> Iterator[str]:
    """Yield differences between the order and the file."""
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
