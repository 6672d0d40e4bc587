"""Wait for the outcome of a payment, without a database connection."""

import threading
import time
import uuid

from django.conf import settings
from django.db import connection

from orders.models import Payment
from orders.models.payment import IN_PROGRESS

MAX_WAIT = 20
POLL_SECONDS = 1.0
# The other threads of the process stay free for other requests. With fewer threads than this none
# waits.
SHARE_OF_THREADS = 4
_places = threading.BoundedSemaphore(settings.WEB_THREADS // SHARE_OF_THREADS)
sleep = time.sleep


def wait_for_outcome(payment_id: uuid.UUID, seconds: float) -> bool:
    """Wait until the outcome is known, at most for some seconds.

    Returns False at once if a quarter of the threads of this process is waiting already.
    """
    if not _places.acquire(blocking=False):
        return False
    try:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and _is_open(payment_id):
            _release_connection()
            sleep(min(left, POLL_SECONDS))
    finally:
        _places.release()
    return True


def _is_open(payment_id: uuid.UUID) -> bool:
    return Payment.objects.filter(pk=payment_id, status__in=IN_PROGRESS).exists()


def _release_connection() -> None:
    """Close the connection; the next query opens another one."""
    if not connection.in_atomic_block:
        connection.close()
