"""The relay: delivers events and runs background jobs."""

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
        "Delivers events (webhooks, e-mail, the log of sales) with retries, and reconciles "
        "payments with an unknown outcome. Several relays may run at once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="exit when there is nothing left to do now"
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
    """Stop the relay on SIGTERM and SIGINT, after the current deliveries."""
    before = {number: signal.signal(number, lambda *_: relay.stop()) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
