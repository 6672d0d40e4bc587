"""What a timer runs once a day."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts.services import prune


class Command(BaseCommand):
    help = "Deletes forgotten counts of log-in tries, and sessions that ended over 30 days ago."

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        self.stdout.write(f"throttles\t{pruned.throttles}\nsessions\t{pruned.sessions}")
