"""Run functions at the same time, each in a thread with its own database connection.

For tests with `django_db(transaction=True)`, on SQLite and on PostgreSQL.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Barrier, Thread
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")
SECONDS = 60


def run_concurrently(works: Iterable[Callable[[], T]]) -> list[T | Exception]:
    """Start all functions together and return their results or exceptions in order.

    A new thread has no tenant scope, so each function enters its own.
    """
    works = list(works)
    barrier = Barrier(len(works))
    outcomes: list[Any] = [None] * len(works)

    def run(index: int, work: Callable[[], T]) -> None:
        try:
            barrier.wait(SECONDS)
            outcomes[index] = work()
        except Exception as error:
            outcomes[index] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not any(thread.is_alive() for thread in threads), "a thread did not end"
    return outcomes


def run_times(count: int, work: Callable[[], T]) -> list[T | Exception]:
    """Run the same function this many times at once."""
    return run_concurrently([work] * count)


def statuses(responses: Iterable[Any]) -> Counter[Any]:
    """Count the responses by status, and exceptions by type."""
    return Counter(
        getattr(response, "status_code", None) or type(response).__name__ for response in responses
    )
