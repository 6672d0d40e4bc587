"""A TCP proxy between a server and its dependency, with network failures."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread

CHUNK = 65536


class Proxy:
    """Forward everything, unless set to refuse, to hold or to drop an answer."""

    def __init__(self, host: str, port: int) -> None:
        self.target = host, port
        self.passing = Event()
        self.passing.set()
        self.lock = Lock()
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        # Drop the answer to a request that contains these bytes, or the request itself.
        self.lost_answer: bytes | None = None
        self.lost: bytes | None = None
        self.listen(0)
        self.port: int = self.listener.getsockname()[1]

    def listen(self, port: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            Thread(target=self.connect, args=(near,), daemon=True).start()

    def connect(self, near: socket.socket) -> None:
        self.passing.wait()
        try:
            far = socket.create_connection(self.target)
        except OSError:
            near.close()
            return
        with self.lock:
            self.pairs.append((near, far))
        lose = Event()
        Thread(target=self.forward, args=(near, far, lose), daemon=True).start()
        self.back(near, far, lose)

    def forward(self, near: socket.socket, far: socket.socket, lose: Event) -> None:
        """Forward from the server to the dependency."""
        with suppress(OSError):
            while sent := near.recv(CHUNK):
                self.passing.wait()
                if self.lost is not None and self.lost in sent:
                    self.lost = None
                    break
                if self.lost_answer is not None and self.lost_answer in sent:
                    self.lost_answer = None
                    lose.set()
                far.sendall(sent)
        end(near, far)

    def back(self, near: socket.socket, far: socket.socket, lose: Event) -> None:
        with suppress(OSError):
            while answer := far.recv(CHUNK):
                self.passing.wait()
                if lose.is_set():
                    break
                near.sendall(answer)
        end(near, far)

    def refuse(self) -> None:
        """Refuse new connections and cut the existing ones."""
        end(self.listener)
        self.cut()

    def come_back(self) -> None:
        self.listen(self.port)

    def cut(self) -> None:
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            end(*pair)

    def hold(self) -> None:
        """Accept connections and data without forwarding them."""
        self.passing.clear()

    def resume(self) -> None:
        self.passing.set()


def end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextmanager
def run_proxy(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy(host, port)
    try:
        yield proxy
    finally:
        proxy.resume()
        proxy.refuse()
