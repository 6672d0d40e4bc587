"""Wait for the outcome of a payment or refund, without a database connection."""

import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import connection

MAX_WAIT = 20
POLL_SECONDS = 1.0
# One thread of this many may wait; the others stay free for other requests. In a process with fewer
# threads no request waits.
SHARE_OF_THREADS = 4
_wait_slots = threading.BoundedSemaphore(settings.WEB_THREADS // SHARE_OF_THREADS)
sleep = time.sleep


def wait_while(is_open: Callable[[], bool], seconds: float) -> bool:
    """Wait while the outcome is not known, at most for some seconds.

    Returns False at once if a quarter of the threads of this process is waiting already.
    """
    if not _wait_slots.acquire(blocking=False):
        return False
    try:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and is_open():
            _release_connection()
            sleep(min(left, POLL_SECONDS))
    finally:
        _wait_slots.release()
    return True


def _release_connection() -> None:
    """Close the connection; the next query opens another one."""
    if not connection.in_atomic_block:
        connection.close()
