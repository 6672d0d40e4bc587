"""What tells the world outside, beside the web server."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser

from tenants.events.delivery import Relay, load_configured

SIGNALS = (signal.SIGTERM, signal.SIGINT)
log = structlog.get_logger("till.relay")


class Command(BaseCommand):
    help = (
        "Sends what sales and stock give rise to (mail, the log of sales), tries again what "
        "failed, and looks up payments that a crash left behind. Any number may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="end when there is nothing left to do now"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        subscribers, jobs = load_configured()
        relay = Relay(subscribers, jobs)
        with stopped_by_signals(relay):
            log.info("relay_started", subscribers=[each.name for each in subscribers])
            relay.run(once=options["once"])
            log.info("relay_stopped")


@contextmanager
def stopped_by_signals(relay: Relay) -> Iterator[None]:
    """SIGTERM and Ctrl-C let what is being delivered arrive."""
    before = {number: signal.signal(number, lambda *_: relay.stop()) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
