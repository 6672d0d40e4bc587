"""One request to somebody else's server: in bounded time, to a checked address, no further."""

import io
import socket
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from tenants.events.webhooks.addresses import Target

# Seconds; `WHOLE` from the connection to the last header of the answer.
CONNECT_TIMEOUT = 5.0
TOTAL_TIMEOUT = 15.0


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """The status that it answers. No redirect is followed, no proxy asked, no body read.

    Raises OSError (TimeoutError, ssl.SSLError, ...) or HTTPException.
    """
    connection = CheckedConnection(target, time.monotonic() + TOTAL_TIMEOUT)
    try:
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        return connection.getresponse().status
    except ValueError as error:  # what the standard library makes of some broken answers
        if isinstance(error, OSError):  # as a certificate that is not trusted is
            raise
        raise HTTPException from error
    finally:
        connection.close()


class CheckedConnection(HTTPConnection):
    """Connects to an address that was checked, whatever the name may lead to by now.

    The name is what the certificate has to bear.
    """

    def __init__(self, target: Target, end: float) -> None:
        super().__init__(target.host, target.port)
        self.target = target
        self.end = end

    def connect(self) -> None:
        plain = self.connected()
        try:
            self.sock = DeadlineSocket(self.encrypted(plain), self.end)
        except BaseException:
            plain.close()
            raise

    def connected(self) -> socket.socket:
        """One after the other: a machine may have no way to the first."""
        refused: OSError = OSError()
        end = min(self.end, time.monotonic() + CONNECT_TIMEOUT)
        for address in self.target.addresses:
            try:
                return socket.create_connection((address, self.target.port), left(end))
            except OSError as error:
                refused = error
        raise refused

    def encrypted(self, plain: socket.socket) -> socket.socket:
        if not self.target.is_encrypted:
            return plain
        plain.settimeout(left(self.end))
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.target.host)


class DeadlineSocket:
    """A socket that ends with its time, also where the other side sends a byte at a time."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self.sock = sock
        self.end = end

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(left(self.end))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(DeadlineReader(self))

    def close(self) -> None:
        self.sock.close()


class DeadlineReader(io.RawIOBase):
    def __init__(self, timed: DeadlineSocket) -> None:
        self.timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.timed.sock.settimeout(left(self.timed.end))
        return self.timed.sock.recv_into(buffer)


def left(end: float) -> float:
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
