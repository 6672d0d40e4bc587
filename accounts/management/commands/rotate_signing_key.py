"""Rotate the signing key of tokens without ending sessions."""

import secrets
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.security.keys import ALGORITHMS, InvalidKeyRing, KeyRing

STEPS = """\
Nothing was changed. The output is the next value of JWT_KEYS. Keep it secret.

  1. rotate_signing_key             adds a new key that verifies but does not sign yet
     deploy it everywhere, then wait five minutes for caches of /.well-known/jwks.json
  2. rotate_signing_key --activate  signs with the new key; the former key still verifies
     deploy it everywhere, then wait {wait}, the maximum lifetime of a session
  3. rotate_signing_key --retire    removes the former key
     deploy it everywhere

If a key was stolen, do not wait: create a new ring with --replace-all. All users must log in again.
"""


class Command(BaseCommand):
    help = "Writes the next JWT_KEYS to standard output and instructions to standard error."

    def add_arguments(self, parser: CommandParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--activate", action="store_true", help="sign with the newest key")
        step.add_argument("--replace-all", choices=ALGORITHMS, help="create a ring with one key")
        step.add_argument("--retire", action="store_true", help="remove former keys")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            ring = build_next_ring(settings.JWT_KEYS, options)
        except InvalidKeyRing as error:
            raise CommandError(f"{str(error).capitalize()}.") from error
        self.stdout.write(ring.write())
        self.stderr.write(
            STEPS.format(wait=f"{settings.SESSION_LIFETIME / timedelta(hours=1):g} hours")
        )


def build_next_ring(ring: KeyRing, options: dict[str, Any]) -> KeyRing:
    kid = f"{timezone.now():%Y-%m-%d}-{secrets.token_hex(4)}"
    if options["replace_all"]:
        return KeyRing.generate(kid, options["replace_all"])
    if options["activate"]:
        return ring.activate_newest()
    return ring.retire_former() if options["retire"] else ring.with_new_key(kid)
