"""Signing keys of tokens, and the key ring: one key signs, others still verify.

Independent of Django, as the settings import it. Errors and `repr` never contain a secret.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from jwt.utils import base64url_encode

# HMAC with a shared secret if only Till verifies; Ed25519 if others verify with the public key.
SHARED_SECRET, PUBLIC_KEY = "HS256", "EdDSA"
ALGORITHMS = (SHARED_SECRET, PUBLIC_KEY)
MIN_SECRET_LENGTH = 32
KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
KEY_MEMBERS = frozenset({"kid", "alg", "status", "secret", "private", "public"})


class InvalidKeyRing(ValueError):
    """The key ring is invalid; the message names the key and the reason."""


class InvalidKey(ValueError):
    """A key is incomplete or malformed; the message says why."""


class Status(StrEnum):
    """What a key is used for: signing and verifying, verifying only, or nothing."""

    ACTIVE = "active"
    VERIFY = "verify"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """Signing key: a shared secret, or an Ed25519 private or public key as PEM."""

    kid: str
    alg: str
    status: Status
    secret: str = field(default="", repr=False)
    private: str = field(default="", repr=False)
    public: str = field(default="", repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "Key":
        """Build an active HS256 key whose id is derived from the secret by a hash."""
        digest = hashlib.sha256(b"till kid\0" + secret.encode()).hexdigest()
        return cls(kid=digest[:16], alg=SHARED_SECRET, status=Status.ACTIVE, secret=secret)

    @property
    def can_sign(self) -> bool:
        return bool(self.secret if self.alg == SHARED_SECRET else self.private)

    def load_signing_key(self) -> bytes | Ed25519PrivateKey:
        if self.alg == SHARED_SECRET:
            return self.secret.encode()
        return load_private_key(self.private)

    def load_verifying_key(self) -> bytes | Ed25519PublicKey:
        """Return the shared secret, or the public key, which cannot sign."""
        return self.secret.encode() if self.alg == SHARED_SECRET else self._load_public_key()

    def _load_public_key(self) -> Ed25519PublicKey:
        if self.public:
            return load_public_key(self.public)
        return load_private_key(self.private).public_key()

    def as_jwk(self) -> dict[str, str] | None:
        """Return the public key as JSON Web Key (RFC 8037); None for a shared secret."""
        if self.alg == SHARED_SECRET:
            return None
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64url_encode(self._load_public_key().public_bytes_raw()).decode(),
            "kid": self.kid,
            "alg": PUBLIC_KEY,
            "use": "sig",
        }

    def as_dict(self) -> dict[str, str]:
        """Return the members of the key for JWT_KEYS, including secrets."""
        material = {"secret": self.secret, "private": self.private, "public": self.public}
        named = {"kid": self.kid, "alg": self.alg, "status": str(self.status)}
        return named | {name: text for name, text in material.items() if text}

    def with_status(self, status: Status) -> "Key":
        """Return a copy with this status and without the secrets that it does not need."""
        if status == Status.RETIRED:
            return replace(self, status=status, secret="", private="", public="")
        if status == Status.VERIFY and self.alg == PUBLIC_KEY:
            public = write_public_key(self._load_public_key())
            return replace(self, status=status, private="", public=public)
        return replace(self, status=status)

    def ensure_usable(self) -> None:
        """Raise InvalidKey if the key lacks what its status needs."""
        if self.status == Status.RETIRED:
            return
        if self.alg == SHARED_SECRET:
            self._ensure_secret()
        else:
            self._ensure_key_pair()

    def _ensure_secret(self) -> None:
        if self.private or self.public:
            raise InvalidKey("HS256 has a secret, no private and no public key")
        if len(self.secret.encode()) < MIN_SECRET_LENGTH:
            raise InvalidKey(f"its secret must have {MIN_SECRET_LENGTH} random characters or more")

    def _ensure_key_pair(self) -> None:
        if self.secret:
            raise InvalidKey("EdDSA has a private and a public key, no secret")
        if not (self.private or (self.public and self.status == Status.VERIFY)):
            raise InvalidKey(f"to be {self.status} it needs its key as PEM")
        public = self._load_public_key()
        if self.private and load_private_key(self.private).public_key() != public:
            raise InvalidKey("its public key is not that of its private key")


def load_private_key(pem: str) -> Ed25519PrivateKey:
    """Parse a PEM private key. Raises InvalidKey unless it is Ed25519."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidKey("its private key is not an Ed25519 private key in PEM")
    return key


def load_public_key(pem: str) -> Ed25519PublicKey:
    """Parse a PEM public key. Raises InvalidKey unless it is Ed25519."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey("its public key is not an Ed25519 public key in PEM")
    return key


def write_private_key(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_public_key(key: Ed25519PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def generate_key_material(algorithm: str) -> dict[str, str]:
    """Return the secret members of a new key."""
    if algorithm == SHARED_SECRET:
        return {"secret": secrets.token_urlsafe(64)}
    return {"private": write_private_key(Ed25519PrivateKey.generate())}


class KeyRing:
    """Keys of one algorithm, exactly one of them active, in chronological order.

    Keys before the active one have signed before it; keys after it wait for activation.
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
        """Build a ring of one HS256 key."""
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
        """Return the public keys as JSON Web Keys (RFC 7517), without shared secrets."""
        known = (key for key in self.keys if key.kid in self.verifying_keys)
        return [jwk for key in known if (jwk := key.as_jwk())]

    # --- rotation ----------------------------------------------------------------------------

    def with_new_key(self, kid: str) -> "KeyRing":
        """Return a ring with one more key, which verifies but does not sign yet."""
        new = generate_key_material(self.algorithm)
        return KeyRing([*self.keys, Key(kid=kid, alg=self.algorithm, status=Status.VERIFY, **new)])

    def activate_newest(self) -> "KeyRing":
        """Return a ring where the newest waiting key signs and the former one only verifies."""
        before, waiting = self._split_at_active()
        able = [key for key in waiting if key.status == Status.VERIFY and key.can_sign]
        _require(bool(able), "no new key is waiting: add one first")
        newest = able[-1]
        rest = [key for key in waiting if key is not newest]
        former = self.active.with_status(Status.VERIFY)
        return KeyRing([*before, former, *rest, newest.with_status(Status.ACTIVE)])

    def retire_former(self) -> "KeyRing":
        """Return a ring where the keys before the active one are retired, without secrets."""
        before, waiting = self._split_at_active()
        _require(any(key.status == Status.VERIFY for key in before), "no key is left to retire")
        return KeyRing(
            [*(key.with_status(Status.RETIRED) for key in before), self.active, *waiting]
        )

    def _split_at_active(self) -> tuple[Sequence[Key], Sequence[Key]]:
        place = self.keys.index(self.active)
        return self.keys[:place], self.keys[place + 1 :]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidKeyRing(message)


def _parse_key(entry: Any, number: int) -> Key:
    where = f"key {number}"
    _require(isinstance(entry, dict), f"{where} is not an object")
    _require(
        entry.keys() <= KEY_MEMBERS,
        f"{where} has members other than {', '.join(sorted(KEY_MEMBERS))}",
    )
    _require(all(isinstance(each, str) for each in entry.values()), f"{where} is not all text")
    kid = entry.get("kid", "")
    _require(bool(KEY_ID.fullmatch(kid)), f"{where} needs a kid of 1 to 64 letters, digits, . _ -")
    _require(entry.get("alg") in ALGORITHMS, f"{kid}: alg must be {' or '.join(ALGORITHMS)}")
    statuses = list(Status)
    _require(entry.get("status") in statuses, f"{kid}: status must be one of {', '.join(statuses)}")
    key = Key(**(entry | {"status": Status(entry["status"])}))
    try:
        key.ensure_usable()
    except InvalidKey as error:
        raise InvalidKeyRing(f"{kid}: {error}") from None
    return key
