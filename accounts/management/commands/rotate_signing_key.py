"""Replace the key that tokens are signed with, so that nobody is logged out by it."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.security.keyring import InvalidKeyRing, KeyRing
from accounts.security.signing import ALGORITHMS

STEPS = """\
Till has changed nothing: what it wrote is the next JWT_KEYS, and a secret like the others.

  1. rotate_signing_key             adds a new key, that is believed and signs nothing
     deploy it everywhere, and give readers of /.well-known/jwks.json five minutes
  2. rotate_signing_key --activate  signs with it; what the former key signed is believed still
     deploy it everywhere, and wait {wait}, the longest life of a session
  3. rotate_signing_key --retire    believes the former key no more, and forgets it
     deploy it everywhere

If a key was stolen do not wait: begin a ring with --anew. Everybody has to log in again.
"""


class Command(BaseCommand):
    help = "Writes the next JWT_KEYS to standard output, and what to do with it to standard error."

    def add_arguments(self, parser: CommandParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--activate", action="store_true", help="sign with the newest key")
        step.add_argument("--anew", choices=ALGORITHMS, help="begin a ring of one key alone")
        step.add_argument("--retire", action="store_true", help="believe former keys no more")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ring = build_next_ring(settings.JWT_KEYS, options)
        except InvalidKeyRing as error:
            raise CommandError(f"{str(error).capitalize()}.") from error
        self.stdout.write(ring.write())
        self.stderr.write(STEPS.format(wait=format_hours(settings.SESSION_LIFETIME)))


def build_next_ring(ring: KeyRing, options: dict[str, Any]) -> KeyRing:
    kid = f"{timezone.now():%Y-%m-%d}-{secrets.token_hex(4)}"
    if options["anew"]:
        return KeyRing.generate(kid, options["anew"])
    if options["activate"]:
        return ring.activate_newest()
    return ring.retire_former() if options["retire"] else ring.with_new_key(kid)


def format_hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g} hours"
