"""Delete expired data; run it daily."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.pruning import prune


class Command(BaseCommand):
    help = (
        "Deletes expired log-in counters, sessions that ended over 30 days ago, expired admin "
        "sessions, idempotency keys after 72 hours, and outbox events with their deliveries "
        "30 days after they were delivered or abandoned."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        for kind, number in asdict(pruned).items():
            self.stdout.write(f"{kind}\t{number}")
