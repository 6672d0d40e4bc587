"""The threads of `config.gunicorn_worker`. No test depends on how long something takes."""

import http.client
import queue
import socket
import sys
import threading
from http import HTTPStatus

import pytest
from gunicorn.config import Config
from gunicorn.glogging import Logger

from config import gunicorn_worker
from config.gunicorn_worker import RequestThreads, Worker

MINUTE = 60

pytestmark = pytest.mark.epoll


@pytest.fixture
def patience(monkeypatch):
    """Set how long a request is quick: for ever, or never."""

    def set_patience(seconds):
        monkeypatch.setattr(gunicorn_worker, "MAX_WAIT_FOR_THREAD", seconds)

    set_patience(MINUTE)
    return set_patience


class Requests:
    """What becomes ready, and what runs it."""

    def __init__(self):
        self.arrived, self.answered = queue.SimpleQueue(), queue.SimpleQueue()
        self.waits, self.began = {}, {}
        self.wake_ups = queue.SimpleQueue()
        self.others = set(threading.enumerate())
        self.threads = RequestThreads(3, self.wait, self.run, lambda: self.wake_ups.put(1))

    def wait(self, seconds):
        try:
            found = [self.arrived.get(timeout=seconds) if seconds else self.arrived.get_nowait()]
        except queue.Empty:
            return []
        while not self.arrived.empty():
            found.append(self.arrived.get_nowait())
        return found

    def run(self, number):
        if number in self.waits:
            self.began[number].set()
            assert self.waits[number].wait(MINUTE)
        self.answered.put((number, threading.get_ident()))

    def send(self, *numbers):
        for number in numbers:
            self.arrived.put(number)

    def send_slow(self, number):
        """Send a request that is under way until it is released."""
        self.waits[number], self.began[number] = threading.Event(), threading.Event()
        self.send(number)

    def receive(self, count):
        return [self.answered.get(timeout=MINUTE) for _ in range(count)]


@pytest.fixture
def requests(patience):
    requests = Requests()
    requests.threads.start()
    yield requests
    for each in requests.waits.values():
        each.set()
    requests.threads.stop()


def test_quick_requests_run_in_order_on_one_thread(requests):
    requests.send(*range(200))
    answered = requests.receive(200)

    assert [number for number, _ in answered] == list(range(200))
    assert len({thread for _, thread in answered}) == 1


def test_one_thread_at_a_time_runs_while_its_request_is_quick(requests):
    requests.send_slow(1)
    assert requests.began[1].wait(MINUTE)
    requests.send(2)

    assert requests.threads.add_thread_if_stalled()
    assert len(requests.threads.wake_ups) == 1
    requests.waits[1].set()
    assert [number for number, _ in requests.receive(2)] == [1, 2]


def test_request_that_waits_gets_a_thread_when_the_running_one_is_slow(requests, patience):
    requests.send_slow(1)
    assert requests.began[1].wait(MINUTE)
    requests.send(2)
    patience(0)
    assert requests.threads.add_thread_if_stalled()
    [(number, other)] = requests.receive(1)

    assert number == 2
    requests.waits[1].set()
    [(number, slow)] = requests.receive(1)
    assert (number, slow != other) == (1, True)


def test_no_thread_is_added_while_nothing_waits(requests, patience):
    requests.send_slow(1)
    assert requests.began[1].wait(MINUTE)
    patience(0)

    assert requests.threads.add_thread_if_stalled()
    assert len(requests.threads.wake_ups) == 1


def test_no_more_threads_than_the_limit(requests, patience):
    patience(0)
    for number in range(5):
        requests.send_slow(number)
    for number in range(3):
        requests.threads.add_thread_if_stalled()
        assert requests.began[number].wait(MINUTE)
    requests.threads.add_thread_if_stalled()

    assert len(requests.threads.running) == 3
    assert not requests.began[3].is_set()
    for number in range(5):
        requests.waits[number].set()
    assert sorted(number for number, _ in requests.receive(5)) == [0, 1, 2, 3, 4]
    assert len(requests.threads.wake_ups) == 3


def test_item_that_is_put_back_runs_next(requests):
    requests.send_slow(1)
    assert requests.began[1].wait(MINUTE)
    requests.threads.put_back(2)
    requests.send(3)
    requests.waits[1].set()

    assert [number for number, _ in requests.receive(3)] == [1, 2, 3]


def test_main_thread_is_woken_up_once_it_is_not_watching(requests):
    requests.send(1)
    requests.receive(1)
    while requests.threads.add_thread_if_stalled():
        """Until the thread waits again."""
    requests.send_slow(2)

    assert requests.wake_ups.get(timeout=MINUTE)
    assert requests.threads.add_thread_if_stalled()
    requests.waits[2].set()
    requests.receive(1)
    assert requests.wake_ups.empty()


def test_threads_end_when_they_are_stopped(requests, patience):
    patience(0)
    for number in (1, 2):
        requests.send_slow(number)
        requests.threads.add_thread_if_stalled()
        assert requests.began[number].wait(MINUTE)
    running = set(threading.enumerate()) - requests.others
    requests.threads.stop()
    requests.waits[1].set()
    requests.waits[2].set()
    for each in running:
        each.join(MINUTE)

    assert len(running) >= 2
    assert not any(each.is_alive() for each in running)


def test_requests_all_run_once_while_threads_come_and_go(requests, patience):
    patience(0)
    senders = [
        threading.Thread(target=requests.send, args=range(start, 800, 4)) for start in range(4)
    ]
    for each in senders:
        each.start()
    answered = []
    while len(answered) < 800:
        requests.threads.add_thread_if_stalled()
        answered += requests.receive(1)

    assert sorted(number for number, _ in answered) == list(range(800))
    assert requests.answered.empty()
    assert len(requests.threads.wake_ups) <= 3


class Application:
    """Answers with the path; a path of `/wait` waits until it is released."""

    def __init__(self):
        self.began, self.released = threading.Event(), threading.Event()

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/wait":
            self.began.set()
            assert self.released.wait(MINUTE)
        if path == "/exit":
            raise SystemExit(1)
        start_response("200 OK", [("Content-Length", str(len(path)))])
        return [path.encode()]


@pytest.fixture
def server():
    """Yield a worker that listens, in this process, and its application."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.set("threads", 2)
    config.set("graceful_timeout", MINUTE)
    config.set("worker_connections", 10)
    worker = Worker(1, 0, [listener], None, MINUTE, config, Logger(config))
    worker.is_parent_alive = lambda: True
    worker.max_requests = worker.max_keepalived = sys.maxsize
    worker.wsgi = Application()
    worker.prepare()
    thread = threading.Thread(target=worker.run)
    thread.start()
    yield worker, listener.getsockname()
    worker.wsgi.released.set()
    worker.handle_exit(0, None)
    thread.join(MINUTE)
    assert not thread.is_alive()


def get(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read()


def test_requests_of_a_kept_connection_are_answered_one_after_another(server):
    worker, address = server
    connection = http.client.HTTPConnection(*address, timeout=MINUTE)

    assert [get(connection, f"/{n}") for n in range(20)] == [
        (HTTPStatus.OK, f"/{n}".encode()) for n in range(20)
    ]
    assert len(worker.connections) == 1
    connection.close()


def test_requests_that_arrive_together_are_answered_in_order(server):
    _, address = server
    request = b"".join(b"GET /%d HTTP/1.1\r\nHost: shop\r\n\r\n" % n for n in range(20))
    with socket.create_connection(address, timeout=MINUTE) as client:
        client.sendall(request + b"GET /end HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
        answers = b"".join(iter(lambda: client.recv(65536), b""))

    bodies = [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [*(b"/%d" % n for n in range(20)), b"/end"]


def test_slow_request_does_not_hold_up_another_connection(server):
    worker, address = server
    slow = http.client.HTTPConnection(*address, timeout=MINUTE)
    slow.request("GET", "/wait")
    assert worker.wsgi.began.wait(MINUTE)
    quick = http.client.HTTPConnection(*address, timeout=MINUTE)

    assert get(quick, "/quick") == (HTTPStatus.OK, b"/quick")
    worker.wsgi.released.set()
    assert slow.getresponse().read() == b"/wait"
    slow.close()
    quick.close()


def test_client_that_sends_nothing_or_goes_away_occupies_no_thread(server):
    worker, address = server
    silent = [socket.create_connection(address, timeout=MINUTE) for _ in range(5)]
    connection = http.client.HTTPConnection(*address, timeout=MINUTE)

    assert get(connection, "/1") == (HTTPStatus.OK, b"/1")
    for each in silent:
        each.close()
    assert get(connection, "/2") == (HTTPStatus.OK, b"/2")
    while len(worker.connections) > 1:
        """Until the closed ones are noticed."""
    connection.close()


def test_application_that_exits_costs_its_own_connection_alone(server):
    _, address = server
    connection = http.client.HTTPConnection(*address, timeout=MINUTE)
    connection.request("GET", "/exit")
    with pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()

    assert get(connection, "/after") == (HTTPStatus.OK, b"/after")
    connection.close()


def test_idle_connection_is_closed_after_its_time(server):
    worker, address = server
    connection = http.client.HTTPConnection(*address, timeout=MINUTE)
    get(connection, "/1")
    while not worker.keepalived_conns:
        """Until the connection is idle."""
    worker._close_idle_connections(0.0)
    assert get(connection, "/2") == (HTTPStatus.OK, b"/2")
    while not worker.keepalived_conns:
        """Until the connection is idle again."""
    worker._close_idle_connections(float("inf"))

    assert connection.sock.recv(1) == b""
    connection.close()
    while worker.connections:
        """Until a thread has closed it."""


def test_connections_beyond_the_limit_wait_until_one_is_closed(server):
    worker, address = server
    open_ones = [http.client.HTTPConnection(*address, timeout=MINUTE) for _ in range(10)]
    assert [get(each, "/")[0] for each in open_ones] == [HTTPStatus.OK] * 10
    one_more = http.client.HTTPConnection(*address, timeout=MINUTE)
    one_more.request("GET", "/late")
    while not worker.paused:
        """Until no more connections are accepted."""
    assert len(worker.connections) == 10
    open_ones[0].close()

    assert one_more.getresponse().read() == b"/late"
    for each in [*open_ones, one_more]:
        each.close()


@pytest.mark.slow
def test_stopped_worker_finishes_its_requests_and_accepts_no_more(server):
    worker, address = server
    connection = http.client.HTTPConnection(*address, timeout=MINUTE)
    connection.request("GET", "/wait")
    assert worker.wsgi.began.wait(MINUTE)
    worker.handle_exit(0, None)
    worker.wsgi.released.set()
    response = connection.getresponse()

    assert (response.status, response.read()) == (HTTPStatus.OK, b"/wait")
    while worker.connections:
        """Until the worker has ended."""
    connection.close()


def test_running_worker_returns_free_memory(server, monkeypatch):
    returned = queue.SimpleQueue()
    monkeypatch.setattr(gunicorn_worker, "return_free_memory", lambda: returned.put(1))

    assert returned.get(timeout=MINUTE)


def test_free_memory_is_returned_where_the_c_library_can(monkeypatch):
    gunicorn_worker.return_free_memory()
    monkeypatch.setattr(gunicorn_worker, "libc", object())
    gunicorn_worker.return_free_memory()
