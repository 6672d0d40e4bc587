"""What a timer runs once a day."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from accounts.services.pruning import prune


class Command(BaseCommand):
    help = (
        "Deletes forgotten counts of log-in tries, sessions that ended over 30 days ago, cookies "
        "of the admin that have run out, Idempotency-Keys with their answers after 72 hours, and "
        "events of the outbox 30 days after they were told, or given up, with their deliveries."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        for kind, number in asdict(pruned).items():
            self.stdout.write(f"{kind}\t{number}")
