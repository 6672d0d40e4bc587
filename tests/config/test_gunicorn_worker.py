"""The thread pool of `config.gunicorn_worker`. No test depends on how long something takes."""

import threading

import pytest

from config import gunicorn_worker
from config.gunicorn_worker import GrowingThreadPool, Worker

MINUTE = 60


@pytest.fixture
def patience(monkeypatch):
    """Set how long a task is quick: for ever, or never."""

    def set_patience(seconds):
        monkeypatch.setattr(gunicorn_worker, "MAX_WAIT_FOR_THREAD", seconds)

    set_patience(MINUTE)
    return set_patience


@pytest.fixture
def pool(patience):
    pool = GrowingThreadPool(max_workers=3)
    yield pool
    pool.shutdown(cancel_futures=True)


class Waiting:
    """A task that is under way until it is released."""

    def __init__(self):
        self.began, self.released = threading.Event(), threading.Event()

    def __call__(self):
        self.began.set()
        assert self.released.wait(MINUTE)
        return threading.get_ident()


def test_quick_tasks_run_in_order_on_one_thread(pool):
    order = []
    futures = [pool.submit(order.append, number) for number in range(200)]
    threads = [pool.submit(threading.get_ident) for _ in range(20)]

    assert [each.result(MINUTE) for each in futures] == [None] * 200
    assert order == list(range(200))
    assert len({each.result(MINUTE) for each in threads}) == 1


def test_one_thread_at_a_time_runs_while_its_task_is_quick(pool):
    first = Waiting()
    pool.submit(first)
    assert first.began.wait(MINUTE)
    second = pool.submit(threading.get_ident)
    pool.add_thread_if_stalled()

    assert len(pool.running) == 1
    assert pool.has_waiting_tasks()
    first.released.set()
    second.result(MINUTE)


def test_waiting_task_gets_a_thread_when_the_running_one_is_slow(pool, patience):
    first = Waiting()
    slow = pool.submit(first)
    assert first.began.wait(MINUTE)
    quick = pool.submit(threading.get_ident)
    patience(0)
    pool.add_thread_if_stalled()
    other = quick.result(MINUTE)

    assert not slow.done()
    first.released.set()
    assert slow.result(MINUTE) != other


def test_no_more_threads_than_allowed(pool, patience):
    patience(0)
    tasks = [Waiting() for _ in range(5)]
    futures = [pool.submit(each) for each in tasks]
    for each in tasks[:3]:
        pool.add_thread_if_stalled()
        assert each.began.wait(MINUTE)
    pool.add_thread_if_stalled()

    assert len(pool.running) == 3
    assert not tasks[3].began.is_set()
    for each in tasks:
        each.released.set()
    assert len({each.result(MINUTE) for each in futures}) <= 3


def test_error_of_a_task_is_raised_by_its_future_and_the_thread_goes_on(pool):
    def fail():
        raise SystemExit(1)

    failed, after = pool.submit(fail), pool.submit(int, "7")

    assert isinstance(failed.exception(MINUTE), SystemExit)
    assert after.result(MINUTE) == 7


def test_shutdown_finishes_what_was_submitted_and_refuses_more(pool):
    first = Waiting()
    running = pool.submit(first)
    waiting = pool.submit(int, "7")
    pool.shutdown(wait=False)

    with pytest.raises(RuntimeError):
        pool.submit(int)
    first.released.set()
    assert running.result(MINUTE)
    assert waiting.result(MINUTE) == 7


def test_shutdown_can_cancel_waiting_tasks(pool):
    first = Waiting()
    running = pool.submit(first)
    assert first.began.wait(MINUTE)
    waiting = pool.submit(int, "7")
    pool.shutdown(wait=False, cancel_futures=True)
    first.released.set()

    assert running.result(MINUTE)
    assert waiting.cancelled()


def test_tasks_from_many_threads_all_run_once(pool, patience):
    patience(0)
    done, futures = [], []

    def submit_many():
        for _ in range(200):
            futures.append(pool.submit(done.append, 1))
            pool.add_thread_if_stalled()

    threads = [threading.Thread(target=submit_many) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(MINUTE)

    assert [each.result(MINUTE) for each in futures] == [None] * 800
    assert len(done) == 800
    assert len(pool.wake_ups) <= pool.max_workers


def test_worker_waits_briefly_only_while_a_request_waits_for_a_thread(pool, monkeypatch):
    timeouts = []
    monkeypatch.setattr(
        gunicorn_worker.ThreadWorker,
        "wait_for_and_dispatch_events",
        lambda _self, timeout: timeouts.append(timeout),
    )
    worker = Worker.__new__(Worker)
    worker.tpool = pool
    worker.wait_for_and_dispatch_events(MINUTE * 2)
    first = Waiting()
    pool.submit(first)
    assert first.began.wait(MINUTE)
    waiting = pool.submit(int)
    worker.wait_for_and_dispatch_events(MINUTE * 2)
    first.released.set()
    waiting.result(MINUTE)

    assert timeouts == [MINUTE * 2, MINUTE]
