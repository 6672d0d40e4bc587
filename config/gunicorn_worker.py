"""A worker of gunicorn that runs requests on as few of its threads as possible.

Threads that run Python code compete for the interpreter lock, and changing from one to another
costs about as much as a quick request. So one thread answers requests while they are quick. One
more thread takes part whenever requests wait and no thread has begun one within
MAX_WAIT_FOR_THREAD, because all of them wait for the database, a card gateway or a password hash.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent import futures
from queue import SimpleQueue
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

MAX_WAIT_FOR_THREAD = 0.001

Task = tuple[futures.Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class GrowingThreadPool(futures.Executor):
    """Runs tasks in order on at most `max_workers` threads, on a single one while they are quick.

    `add_thread_if_stalled` must be called from time to time while tasks wait.
    """

    def __init__(self, max_workers: int) -> None:
        self.max_workers = max_workers
        self.lock = threading.Lock()
        self.tasks: deque[Task] = deque()
        # When each running thread, by its number, began its task.
        self.running: dict[int, float] = {}
        self.sleeping: list[int] = []
        self.wake_ups: list[SimpleQueue[bool]] = []
        self.is_shut_down = False

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> futures.Future[Any]:
        future: futures.Future[Any] = futures.Future()
        with self.lock:
            if self.is_shut_down:
                raise RuntimeError("The thread pool is shut down.")
            self.tasks.append((future, fn, args, kwargs))
            if not self.running:
                self._start_thread()
        return future

    def has_waiting_tasks(self) -> bool:
        return bool(self.tasks)

    def add_thread_if_stalled(self) -> None:
        """Let one more thread run tasks if some wait and none has begun a moment ago."""
        with self.lock:
            if self.tasks and len(self.running) < self.max_workers and not self._is_quick():
                self._start_thread()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more tasks, and end each thread once no task is left."""
        with self.lock:
            self.is_shut_down = True
            while cancel_futures and self.tasks:
                self.tasks.popleft()[0].cancel()
            for number in self.sleeping:
                self.wake_ups[number].put(False)
            self.sleeping.clear()

    def _is_quick(self) -> bool:
        """Return whether a thread has begun its task within MAX_WAIT_FOR_THREAD."""
        earliest = time.monotonic() - MAX_WAIT_FOR_THREAD
        return any(began > earliest for began in self.running.values())

    def _start_thread(self) -> None:
        """Wake up the thread that slept last, or create one. The caller holds the lock."""
        if self.sleeping:
            number = self.sleeping.pop()
            self.wake_ups[number].put(True)
        else:
            number = len(self.wake_ups)
            self.wake_ups.append(SimpleQueue())
            # A daemon, because a stopped worker does not wait for a request without an end.
            threading.Thread(
                target=self._work, args=(number,), name=f"request-{number}", daemon=True
            ).start()
        self.running[number] = time.monotonic()

    def _work(self, number: int) -> None:
        wake_up = self.wake_ups[number]
        while True:
            while task := self._take(number):
                _run(task)
                del task
            if self.is_shut_down or not wake_up.get():
                return

    def _take(self, number: int) -> Task | None:
        """Return the next task of a thread, or None if others are enough or there is none."""
        with self.lock:
            self.running.pop(number, None)
            if self.tasks and not self._is_quick():
                self.running[number] = time.monotonic()
                return self.tasks.popleft()
            if not self.is_shut_down:
                self.sleeping.append(number)
            return None


def _run(task: Task) -> None:
    future, function, args, kwargs = task
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function(*args, **kwargs)
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The threaded worker of gunicorn with a pool that grows."""

    def get_thread_pool(self) -> GrowingThreadPool:
        return GrowingThreadPool(self.cfg.threads)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for at most MAX_WAIT_FOR_THREAD while requests wait for a thread."""
        if self.tpool.has_waiting_tasks():
            timeout = min(timeout, MAX_WAIT_FOR_THREAD)
        super().wait_for_and_dispatch_events(timeout)
        self.tpool.add_thread_if_stalled()
