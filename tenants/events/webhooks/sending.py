"""HTTP client for webhooks: connects to validated addresses only, within a time limit."""

import io
import socket
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any

from tenants.events.webhooks.addresses import Target

# Seconds; TOTAL_TIMEOUT runs from the connection to the last header of the response.
CONNECT_TIMEOUT = 5.0
TOTAL_TIMEOUT = 15.0


def post(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a request and return the response status. Follows no redirects, uses no proxy.

    The response body is not read. Raises OSError (such as TimeoutError) or HTTPException.
    """
    connection = CheckedConnection(target, time.monotonic() + TOTAL_TIMEOUT)
    try:
        connection.request("POST", target.path, body, {"Host": target.authority, **headers})
        return connection.getresponse().status
    except ValueError as error:  # raised by http.client for some malformed responses
        if isinstance(error, OSError):  # such as ssl.SSLCertVerificationError
            raise
        raise HTTPException from error
    finally:
        connection.close()


class CheckedConnection(HTTPConnection):
    """Connects to the validated addresses instead of resolving the name again.

    The certificate is verified against the host name.
    """

    def __init__(self, target: Target, end: float) -> None:
        super().__init__(target.host, target.port)
        self.target = target
        self.end = end

    def connect(self) -> None:
        plain = self.open_socket()
        try:
            self.sock = DeadlineSocket(self.encrypt(plain), self.end)
        except BaseException:
            plain.close()
            raise

    def open_socket(self) -> socket.socket:
        """Try the addresses in turn, as one address family may be unreachable."""
        failure: OSError = OSError()
        end = min(self.end, time.monotonic() + CONNECT_TIMEOUT)
        for address in self.target.addresses:
            try:
                return socket.create_connection((address, self.target.port), seconds_until(end))
            except OSError as error:
                failure = error
        raise failure

    def encrypt(self, plain: socket.socket) -> socket.socket:
        if not self.target.is_encrypted:
            return plain
        plain.settimeout(seconds_until(self.end))
        return ssl.create_default_context().wrap_socket(plain, server_hostname=self.target.host)


class DeadlineSocket:
    """A socket with a total time limit, also against servers that send single bytes."""

    def __init__(self, sock: socket.socket, end: float) -> None:
        self.sock = sock
        self.end = end

    def sendall(self, data: bytes) -> None:
        self.sock.settimeout(seconds_until(self.end))
        self.sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(DeadlineReader(self))

    def close(self) -> None:
        self.sock.close()


class DeadlineReader(io.RawIOBase):
    """The readable side of a DeadlineSocket, for http.client."""

    def __init__(self, connection: DeadlineSocket) -> None:
        self.connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connection.sock.settimeout(seconds_until(self.connection.end))
        return self.connection.sock.recv_into(buffer)


def seconds_until(end: float) -> float:
    seconds = end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
