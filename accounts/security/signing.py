"""One key that tokens are signed with: a shared secret, or a private key and its public half."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from jwt.algorithms import get_default_algorithms
from jwt.exceptions import InvalidKeyError
from jwt.utils import base64url_decode

# HMAC with a secret where only Till verifies; Ed25519 where others do, with the public keys.
SHARED, SIGNED = "HS256", "EdDSA"
ALGORITHMS = (SHARED, SIGNED)
MIN_SECRET_LENGTH = 32

# RFC 8410: what stands around the 32 bytes of an Ed25519 key, of which any are a private one.
PRIVATE_DER = bytes.fromhex("302e020100300506032b657004220420")
PUBLIC_DER = bytes.fromhex("302a300506032b6570032100")


class InvalidKey(ValueError):
    """This key cannot do what its status says."""


class Status(StrEnum):
    """What a key is for: signing, only believing what it signed, or no more than its name."""

    ACTIVE = "active"
    VERIFY = "verify"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Key:
    kid: str
    alg: str
    status: Status
    secret: str = field(default="", repr=False)
    private: str = field(default="", repr=False)
    public: str = field(default="", repr=False)

    @classmethod
    def from_secret(cls, secret: str) -> "Key":
        digest = hashlib.sha256(b"till kid\0" + secret.encode()).hexdigest()
        return cls(kid=digest[:16], alg=SHARED, status=Status.ACTIVE, secret=secret)

    @property
    def can_sign(self) -> bool:
        return bool(self.secret if self.alg == SHARED else self.private)

    def load_signing_key(self) -> Any:
        return self.secret.encode() if self.alg == SHARED else load_pem(self.private, "private")

    def load_verifying_key(self) -> Any:
        """Of two keys the public one, so that what reads tokens cannot sign any."""
        if self.alg == SHARED:
            return self.secret.encode()
        if self.public:
            return load_pem(self.public, "public")
        return load_pem(self.private, "private").public_key()

    def as_jwk(self) -> dict[str, str] | None:
        if self.alg == SHARED:
            return None
        point = encode_public_key(self.load_verifying_key())
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": point,
            "kid": self.kid,
            "alg": SIGNED,
            "use": "sig",
        }

    def as_dict(self) -> dict[str, str]:
        material = {"secret": self.secret, "private": self.private, "public": self.public}
        named = {"kid": self.kid, "alg": self.alg, "status": str(self.status)}
        return named | {name: text for name, text in material.items() if text}

    def with_status(self, status: Status) -> "Key":
        """The same key for something else, with no more of its secrets than that needs."""
        if status == Status.RETIRED:
            return replace(self, status=status, secret="", private="", public="")
        if status == Status.VERIFY and self.alg == SIGNED:
            point = base64url_decode(encode_public_key(self.load_verifying_key()))
            return replace(self, status=status, private="", public=pem("PUBLIC KEY", point))
        return replace(self, status=status)

    def ensure_usable(self) -> None:
        if self.status == Status.RETIRED:
            return
        if self.alg == SHARED:
            self._ensure_shared()
        else:
            self._ensure_signed()

    def _ensure_shared(self) -> None:
        if self.private or self.public:
            raise InvalidKey("HS256 has a secret, no private and no public key")
        if len(self.secret.encode()) < MIN_SECRET_LENGTH:
            raise InvalidKey(f"its secret must have {MIN_SECRET_LENGTH} random characters or more")

    def _ensure_signed(self) -> None:
        if self.secret:
            raise InvalidKey("EdDSA has a private and a public key, no secret")
        if not (self.private or (self.public and self.status == Status.VERIFY)):
            raise InvalidKey(f"to be {self.status} it needs its key as PEM")
        halves = {encode_public_key(self.load_verifying_key())}
        if self.private:
            halves.add(encode_public_key(self.load_signing_key().public_key()))
        if len(halves) > 1:
            raise InvalidKey("its public key is not that of its private key")


def load_pem(text: str, half: str) -> Any:
    """The private or the public key in this text, and only an Ed25519 one."""
    algorithm = get_default_algorithms().get(SIGNED)
    if algorithm is None:
        raise InvalidKey("EdDSA needs the package cryptography, which is not installed")
    try:
        key = algorithm.prepare_key(text)
        curve = algorithm.to_jwk(key, as_dict=True)["crv"]
    except (InvalidKeyError, ValueError, TypeError):
        raise InvalidKey(f"its {half} key is not an Ed25519 key in PEM") from None
    if curve != "Ed25519" or hasattr(key, "sign") != (half == "private"):
        raise InvalidKey(f"its {half} key is not an Ed25519 {half} key")
    return key


def encode_public_key(key: Any) -> str:
    """The 32 bytes of a public key, as JSON Web Keys write them."""
    return str(get_default_algorithms()[SIGNED].to_jwk(key, as_dict=True)["x"])


def pem(label: str, raw: bytes) -> str:
    der = (PUBLIC_DER if label == "PUBLIC KEY" else PRIVATE_DER) + raw
    text = base64.b64encode(der).decode()
    return f"-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"


def generate_key_material(algorithm: str) -> dict[str, str]:
    """What a new key consists of."""
    if algorithm == SHARED:
        return {"secret": secrets.token_urlsafe(64)}
    return {"private": pem("PRIVATE KEY", secrets.token_bytes(32))}
