"""Failpoints in the server under test: kill the process or shift its clock on request."""

import os
import signal
from datetime import timedelta
from threading import local
from typing import Any

import time_machine
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client

from tenants.database.postgres import pipeline

# The step of the request before which the process dies; 1 is its first statement.
DIE_BEFORE = "X-Live-Die-Before"
# Seconds by which the clock of this process is shifted.
CLOCK = "X-Live-Clock"

_request = local()
_shifted: dict[str, Any] = {}
_commit = BaseDatabaseWrapper._commit
_send = pipeline.send
_receive = pipeline.PreparedConnection.receive


def warm_up(server: Any) -> None:
    """Load before the fork what a first request loads."""
    Client().post("/api/v1/orders/")


def watch(worker: Any) -> None:
    """Count steps: each statement, each COMMIT and what follows it.

    A message of prepared statements has three: before it, once it is sent, and what follows it.
    """
    connection_created.connect(_watch_connection)
    BaseDatabaseWrapper._commit = _commit_in_steps
    pipeline.send = _send_in_steps
    pipeline.PreparedConnection.receive = _receive_in_steps


def begin(worker: Any, request: Any) -> None:
    headers = dict(request.headers)
    _request.left = int(headers.get(DIE_BEFORE.upper(), 0))
    set_clock_offset(headers.get(CLOCK.upper(), ""))


def step() -> None:
    left = getattr(_request, "left", 0)
    if left == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    _request.left = max(left - 1, 0)


def _watch_connection(connection: Any, **_: Any) -> None:
    connection.execute_wrappers.append(_statement)


def _statement(execute: Any, *arguments: Any) -> Any:
    step()
    return execute(*arguments)


def _commit_in_steps(connection: Any) -> None:
    step()
    _commit(connection)
    step()


def _send_in_steps(*calls: Any) -> Any:
    step()
    results = _send(*calls)
    step()
    return results


def _receive_in_steps(connection: Any) -> Any:
    # So far the message may be in the buffer of the client.
    connection.pgconn.flush()
    step()
    return _receive(connection)


def set_clock_offset(seconds: str) -> None:
    """Shift the clock of the process until another request changes it."""
    if seconds in _shifted or (not seconds and not _shifted):
        return
    for traveler in _shifted.values():
        traveler.stop()
    _shifted.clear()
    if seconds:
        _shifted[seconds] = time_machine.travel(timedelta(seconds=float(seconds)), tick=True)
        _shifted[seconds].start()
