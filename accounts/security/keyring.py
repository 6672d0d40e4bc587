"""The keys of the tokens: one signs, and those beside it are still believed.

Plain of Django, because the settings read it. Nothing here ever shows a secret.
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from accounts.security.signing import ALGORITHMS, InvalidKey, Key, Status, generate_key_material

KID = re.compile(r"[A-Za-z0-9._-]{1,64}")
KEY_MEMBERS = frozenset({"kid", "alg", "status", "secret", "private", "public"})


class InvalidKeyRing(ValueError):
    """This ring cannot be used; the text says why, and of which key."""


class KeyRing:
    """All of one algorithm, exactly one active, in the order in which they came.

    What stands before the active key has signed before it; what stands behind it waits.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        _require(bool(self.keys), "there is no key")
        _require(len({key.alg for key in self.keys}) == 1, "its keys are of several algorithms")
        kids = [key.kid for key in self.keys]
        _require(len(set(kids)) == len(kids), "two keys have the same kid")
        active = [key for key in self.keys if key.status == Status.ACTIVE]
        _require(len(active) == 1, f"one key must be active, and {len(active)} are")
        self.active = active[0]
        self.algorithm = self.active.alg
        self.signing_key = self.active.load_signing_key()
        self.verifying_keys = {
            key.kid: key.load_verifying_key() for key in self.keys if key.status != Status.RETIRED
        }

    def __repr__(self) -> str:
        return f"<KeyRing {', '.join(f'{key.kid} {key.status}' for key in self.keys)}>"

    @classmethod
    def from_secret(cls, secret: str) -> "KeyRing":
        """The simple ring: one key, whose name tells nothing of it."""
        return cls([Key.from_secret(secret)])

    @classmethod
    def generate(cls, kid: str, algorithm: str) -> "KeyRing":
        new = generate_key_material(algorithm)
        return cls([Key(kid=kid, alg=algorithm, status=Status.ACTIVE, **new)])

    @classmethod
    def read(cls, text: str) -> "KeyRing":
        try:
            entries = json.loads(text)
        except ValueError:
            raise InvalidKeyRing("it is not JSON") from None
        _require(isinstance(entries, list), "it must be a list of keys")
        return cls(_parse_key(entry, number) for number, entry in enumerate(entries, 1))

    def write(self) -> str:
        return json.dumps([key.as_dict() for key in self.keys])

    def public_jwks(self) -> list[dict[str, str]]:
        """As JSON Web Keys (RFC 7517), what others need to verify; a shared secret never is."""
        known = (key for key in self.keys if key.kid in self.verifying_keys)
        return [jwk for key in known if (jwk := key.as_jwk())]

    # --- the next ring -----------------------------------------------------------------------

    def with_new_key(self, kid: str) -> "KeyRing":
        """One more, believed from now on, that signs nothing yet."""
        new = generate_key_material(self.algorithm)
        return KeyRing([*self.keys, Key(kid=kid, alg=self.algorithm, status=Status.VERIFY, **new)])

    def activate_newest(self) -> "KeyRing":
        """The newest waiting key signs, the one before it is believed still, and signs no more."""
        before, waiting = self._split_at_active()
        able = [key for key in waiting if key.status == Status.VERIFY and key.can_sign]
        _require(bool(able), "no new key is waiting: add one first")
        newest = able[-1]
        rest = [key for key in waiting if key is not newest]
        former = self.active.with_status(Status.VERIFY)
        return KeyRing([*before, former, *rest, newest.with_status(Status.ACTIVE)])

    def retire_former(self) -> "KeyRing":
        """Those that signed before the active one are believed no more, and are forgotten."""
        before, waiting = self._split_at_active()
        _require(any(key.status == Status.VERIFY for key in before), "no key is left to retire")
        return KeyRing(
            [*(key.with_status(Status.RETIRED) for key in before), self.active, *waiting]
        )

    def _split_at_active(self) -> tuple[Sequence[Key], Sequence[Key]]:
        place = self.keys.index(self.active)
        return self.keys[:place], self.keys[place + 1 :]


def _require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise InvalidKeyRing(otherwise)


def _parse_key(entry: Any, number: int) -> Key:
    where = f"key {number}"
    _require(isinstance(entry, dict), f"{where} is not an object")
    _require(
        entry.keys() <= KEY_MEMBERS,
        f"{where} has members other than {', '.join(sorted(KEY_MEMBERS))}",
    )
    _require(all(isinstance(each, str) for each in entry.values()), f"{where} is not all text")
    kid = entry.get("kid", "")
    _require(bool(KID.fullmatch(kid)), f"{where} needs a kid of 1 to 64 letters, digits, . _ -")
    _require(entry.get("alg") in ALGORITHMS, f"{kid}: alg must be {' or '.join(ALGORITHMS)}")
    statuses = list(Status)
    _require(entry.get("status") in statuses, f"{kid}: status must be one of {', '.join(statuses)}")
    key = Key(**(entry | {"status": Status(entry["status"])}))
    try:
        key.ensure_usable()
    except InvalidKey as error:
        raise InvalidKeyRing(f"{kid}: {error}") from None
    return key
