"""A worker of gunicorn whose threads wait for requests themselves, as few of them as possible.

Threads that run Python code compete for the interpreter lock, and changing from one to another
costs about as much as a quick request. gunicorn's own threaded worker changes twice for each
request: its main thread waits for requests and passes each to a thread. Here one thread waits for
a request, answers it and waits again. One more thread takes part whenever requests wait and no
thread has begun one within MAX_WAIT_FOR_THREAD, because all of them wait for the database, a card
gateway or a password hash. The main thread only looks after the others. It needs epoll.
"""

import contextlib
import ctypes
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

MAX_WAIT_FOR_THREAD = 0.001
# Seconds between two looks at the parent process, idle connections and free memory.
CHORES_INTERVAL = 1.0
# Connections of which one call of epoll tells that they are ready.
MAX_EVENTS = 16
# An event is reported once, to one thread, until the socket is watched again.
READABLE_ONCE = getattr(select, "EPOLLIN", 0) | getattr(select, "EPOLLONESHOT", 0)
libc = ctypes.CDLL(None)


def return_free_memory() -> None:
    """Return memory that the C library keeps to the kernel: above all that of password hashes."""
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


class RequestThreads:
    """Runs what becomes ready, in order, on at most `limit` threads; on one while all is quick.

    `wait(seconds)` returns what has become ready, and may be called by any thread. `run(item)`
    must not raise. `wake_up` is called when a thread begins after `add_thread_if_stalled` has
    returned False: it must be called again then, every MAX_WAIT_FOR_THREAD.
    """

    def __init__(
        self,
        limit: int,
        wait: Callable[[float], list[int]],
        run: Callable[[int], None],
        wake_up: Callable[[], None],
    ) -> None:
        self.limit = limit
        self.wait, self.run, self.wake_up = wait, run, wake_up
        self.lock = threading.Lock()
        self.ready: deque[int] = deque()
        # When each running thread, by its number, began.
        self.running: dict[int, float] = {}
        self.sleeping: list[int] = []
        self.wake_ups: list[threading.Semaphore] = []
        self.is_waiting = self.is_watched = self.is_stopped = False

    def start(self) -> None:
        with self.lock:
            self.is_watched = True
            self._start_thread()

    def stop(self) -> None:
        """End each thread after what it runs, or when its `wait` returns."""
        with self.lock:
            self.is_stopped = True
            for each in self.wake_ups:
                each.release()

    def put_back(self, item: int) -> None:
        """Add what is ready again without an event."""
        with self.lock:
            self.ready.append(item)

    def add_thread_if_stalled(self) -> bool:
        """Let one more thread take part if something is ready and no thread has begun recently.

        Return whether threads are running, so that it has to be called again.
        """
        with self.lock:
            if not self.is_waiting and not self._is_quick() and len(self.running) < self.limit:
                if not self.ready:
                    self.ready.extend(self.wait(0))
                if self.ready:
                    self._start_thread()
            self.is_watched = bool(self.running)
            return self.is_watched

    def _is_quick(self) -> bool:
        """Return whether a thread has begun within MAX_WAIT_FOR_THREAD."""
        earliest = time.monotonic() - MAX_WAIT_FOR_THREAD
        return any(began > earliest for began in self.running.values())

    def _start_thread(self) -> None:
        """Wake up the thread that slept last, or create one. The caller holds the lock."""
        if self.sleeping:
            number = self.sleeping.pop()
            self.wake_ups[number].release()
        else:
            number = len(self.wake_ups)
            self.wake_ups.append(threading.Semaphore(0))
            # A daemon, because a stopped worker does not wait for a request without an end.
            threading.Thread(
                target=self._work, args=(number,), name=f"request-{number}", daemon=True
            ).start()
        self.running[number] = time.monotonic()

    def _work(self, number: int) -> None:
        while not self.is_stopped:
            item = self._take(number)
            if item is None:
                self.wake_ups[number].acquire()
            else:
                self.run(item)

    def _take(self, number: int) -> int | None:
        """Return what a thread should run next, or None if it should sleep."""
        while True:
            with self.lock:
                self.running.pop(number, None)
                is_quick = self._is_quick()
                if self.ready and not is_quick:
                    return self._begin(number)
                if is_quick or self.is_waiting or self.is_stopped:
                    self.sleeping.append(number)
                    return None
                self.is_waiting = True
            ready = self.wait(CHORES_INTERVAL)
            with self.lock:
                self.is_waiting = False
                self.ready.extend(ready)
                if self.ready:
                    return self._begin(number)

    def _begin(self, number: int) -> int:
        self.running[number] = time.monotonic()
        if not self.is_watched:
            self.is_watched = True
            self.wake_up()
        return self.ready.popleft()


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """The threaded worker of gunicorn with threads that wait for requests themselves."""

    def init_process(self) -> None:
        self.prepare()
        super(ThreadWorker, self).init_process()

    def prepare(self) -> None:
        """Make what `run` needs, in the process of the worker."""
        self.method_queue.init()
        self.epoll = select.epoll()
        self.listeners: dict[int, socket.socket] = {each.fileno(): each for each in self.sockets}
        # Listeners that are not watched while there are too many connections.
        self.paused: set[int] = set()
        # By file descriptor: every connection, and those without a request. The thread
        # that removes a connection from the second owns it.
        self.connections: dict[int, TConn] = {}
        self.keepalived_conns: dict[int, TConn] = {}
        self.threads = RequestThreads(
            self.cfg.threads, self._wait, self._handle_event, self._wake_main_thread
        )

    def handle_quit(self, sig: int, frame: object) -> None:
        """Stop at once."""
        self.threads.stop()
        super(ThreadWorker, self).handle_quit(sig, frame)

    def run(self) -> None:
        for number, listener in self.listeners.items():
            listener.setblocking(False)
            self.epoll.register(number, READABLE_ONCE)
        self.threads.start()
        while self.alive:
            self.notify()
            self._look_after_threads(CHORES_INTERVAL, lambda: not self.alive)
            if not self.is_parent_alive():
                break
            self._close_idle_connections(time.monotonic())
            return_free_memory()
        self._finish_requests()
        self.threads.stop()
        for each in self.sockets:
            each.close()

    def _look_after_threads(self, seconds: float, is_done: Callable[[], bool]) -> None:
        end = time.monotonic() + seconds
        while not is_done() and (left := end - time.monotonic()) > 0:
            if self.threads.add_thread_if_stalled():
                time.sleep(MAX_WAIT_FOR_THREAD)
            elif select.select([self.method_queue.fileno()], [], [], left)[0]:
                self.method_queue.run_callbacks(None)

    def _wake_main_thread(self) -> None:
        self.method_queue.defer(lambda: None)

    def _finish_requests(self) -> None:
        """Accept no more connections, and wait for requests as long as gunicorn would.

        A request that arrives on an idle connection meanwhile is answered with
        `Connection: close`.
        """
        for number in self.listeners:
            self.epoll.unregister(number)
        stopped = time.monotonic()
        idle_until = stopped + min(STOP_KEEPALIVE_LINGER, self.cfg.keepalive)
        while self.connections and time.monotonic() < stopped + self.cfg.graceful_timeout:
            self.notify()
            self._look_after_threads(0.1, lambda: not self.connections)
            if time.monotonic() > idle_until:
                self._close_idle_connections(float("inf"))

    def _close_idle_connections(self, now: float) -> None:
        """End connections that were idle for too long; a thread closes each."""
        for number, connection in list(self.keepalived_conns.items()):
            if connection.timeout > now:
                return
            if self.keepalived_conns.pop(number, None) is connection:
                with contextlib.suppress(OSError):  # the client has closed it
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float) -> list[int]:
        return [number for number, _ in self.epoll.poll(seconds, MAX_EVENTS)]

    def _handle_event(self, number: int) -> None:
        """Accept a connection or answer a request: what is ready at a file descriptor."""
        if number in self.listeners:
            self._accept(number)
            return
        connection = self.connections[number]
        # It was idle for too long if another thread has removed it.
        is_kept = self.keepalived_conns.pop(number, None) is not None
        try:
            is_kept = is_kept and self.handle(connection)
        except BaseException:  # also SystemExit of what was called
            self.log.exception("Error handling request")
            is_kept = False
        if not is_kept:
            self._close(number)
        elif connection.parser.unreader.buf.getvalue():
            # The next request has been read already.
            self.keepalived_conns[number] = connection
            self.threads.put_back(number)
        else:
            self._keep(number, connection)
            self.epoll.modify(number, READABLE_ONCE)

    def _accept(self, listening: int) -> None:
        listener = self.listeners[listening]
        try:
            client, address = listener.accept()
        except OSError:
            pass  # another worker was first, or the client has gone
        else:
            connection = TConn(self.cfg, client, address, listener.getsockname())
            connection.data_ready = True
            self.connections[client.fileno()] = connection
            self._keep(client.fileno(), connection)
            self.epoll.register(client.fileno(), READABLE_ONCE)
        self.paused.add(listening)
        self._resume_accepting()

    def _keep(self, number: int, connection: TConn) -> None:
        connection.set_timeout()
        self.keepalived_conns[number] = connection

    def _close(self, number: int) -> None:
        # Before it is closed, because the next connection may get the same number.
        connection = self.connections.pop(number)
        with contextlib.suppress(OSError):
            self.epoll.unregister(number)
        connection.close(graceful=True)
        self._resume_accepting()

    def _resume_accepting(self) -> None:
        """Watch the listeners again if there is room for a connection."""
        while self.alive and self.paused and len(self.connections) < self.worker_connections:
            # Another thread was first, or the worker has just been stopped.
            with contextlib.suppress(KeyError, OSError):
                self.epoll.modify(self.paused.pop(), READABLE_ONCE)
