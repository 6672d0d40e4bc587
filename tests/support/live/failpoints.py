"""Inside the server under test: dies, or looks at another clock, where a request says so."""

import os
import signal
from datetime import timedelta
from threading import local
from typing import Any

import time_machine
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client

# Before which step of this request the process ends: 1 is before its first statement.
DIE_BEFORE = "X-Live-Die-Before"
# Seconds by which the clock of this process has jumped.
CLOCK = "X-Live-Clock"

_request = local()
_jumped: dict[str, Any] = {}
_commit = BaseDatabaseWrapper._commit


def warm_up(server: Any) -> None:
    """What a first request loads, no worker needs to load again."""
    Client().post("/api/v1/orders/")


def watch(worker: Any) -> None:
    """A step is a statement, a COMMIT, and what follows one."""
    connection_created.connect(_watch_connection)
    BaseDatabaseWrapper._commit = _commit_in_steps


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


def set_clock_offset(seconds: str) -> None:
    """The whole process lives at another time, until a request says otherwise."""
    if seconds in _jumped or (not seconds and not _jumped):
        return
    for traveler in _jumped.values():
        traveler.stop()
    _jumped.clear()
    if seconds:
        _jumped[seconds] = time_machine.travel(timedelta(seconds=float(seconds)), tick=True)
        _jumped[seconds].start()
