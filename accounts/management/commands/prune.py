"""What a timer runs once a day."""

from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import prune


class Command(BaseCommand):
    help = (
        "Deletes forgotten counts of log-in tries, sessions that ended over 30 days ago, and "
        "cookies of the admin that have run out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        for kind, number in asdict(pruned).items():
            self.stdout.write(f"{kind}\t{number}")
