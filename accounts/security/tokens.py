"""Access and refresh tokens (JWT). Permissions are never read from a token."""

import time
import uuid
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from threading import Lock
from typing import Any, ClassVar, NamedTuple

import jwt
from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession
from accounts.security.keys import KeyRing

# Tokens with other header fields, such as `jku` or `jwk`, are rejected.
TOKEN_HEADER_NAMES = frozenset({"alg", "kid", "typ"})
# Errors of decoding an invalid token; OSError is a timestamp out of range.
INVALID_TOKEN_ERRORS = (
    TokenError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    OSError,
)


class KeyRingBackend(TokenBackend):
    """Sign with the active key of a ring, and verify with the key named by `kid`.

    Only keys of the ring are used. `typ` and `aud` separate access from refresh tokens.
    """

    def __init__(self, ring: KeyRing, *, typ: str, audience: str) -> None:
        super().__init__(
            algorithm=ring.algorithm,
            issuer=settings.SIMPLE_JWT["ISSUER"],
            audience=audience,
            leeway=settings.SIMPLE_JWT["LEEWAY"],
        )
        self.ring = ring
        self.typ = typ

    def encode(self, payload: dict[str, Any]) -> str:
        claims = payload | {"aud": self.audience, "iss": self.issuer}
        headers = {"kid": self.ring.active.kid, "typ": self.typ}
        return jwt.encode(claims, self.ring.signing_key, algorithm=self.algorithm, headers=headers)

    def get_verifying_key(self, token: Token) -> Any:
        header = jwt.get_unverified_header(str(token))
        key = self.ring.verifying_keys.get(header.get("kid", ""))
        if key is None or header.get("typ") != self.typ or header.keys() != TOKEN_HEADER_NAMES:
            raise TokenBackendError("Token is invalid")
        return key


@lru_cache(maxsize=8)
def get_token_backend(ring: KeyRing, typ: str, audience: str) -> KeyRingBackend:
    return KeyRingBackend(ring, typ=typ, audience=audience)


class KeyRingToken(Token):
    """Token signed with the key ring of the settings."""

    typ: ClassVar[str]
    audience: ClassVar[str]

    @property
    def token_backend(self) -> TokenBackend:
        return get_token_backend(settings.JWT_KEYS, self.typ, self.audience)


class AccessToken(KeyRingToken):
    """Short-lived token of API requests."""

    token_type = "access"  # noqa: S105
    lifetime = settings.ACCESS_TOKEN_LIFETIME
    typ = "at+jwt"
    audience = "till-api"


class RefreshToken(KeyRingToken):
    """Single-use token for the next token pair."""

    token_type = "refresh"  # noqa: S105
    lifetime = settings.SESSION_LIFETIME
    typ = "rt+jwt"
    audience = "till-auth"


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Typed claims of a token."""

    session: uuid.UUID
    user: uuid.UUID
    tenant: uuid.UUID
    token_version: int
    jti: uuid.UUID
    expires_at: datetime


def get_access_token_lifetime(session: AuthSession) -> timedelta:
    """Return the lifetime; the token of a PIN session lasts as long as the session."""
    if session.is_pin_session:
        return session.expires_at - timezone.now()
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME
    return lifetime


def get_access_token_seconds(session: AuthSession) -> int:
    return int(get_access_token_lifetime(session).total_seconds())


def issue_access(session: AuthSession) -> str:
    """Issue an access token. `auth_time` is informative; the session decides."""
    token = AccessToken()
    token.set_exp(lifetime=get_access_token_lifetime(session))
    _set_subject(token, session)
    token["tv"] = session.user.token_version
    token["auth_time"] = int(session.auth_time.timestamp())
    return str(token)


def issue_refresh(session: AuthSession) -> str:
    """Issue the refresh token of the session's current state.

    The same state gives the same token, so that a lost response can be repeated.
    """
    token = RefreshToken()
    if session.current_jti is None:
        raise TypeError("A PIN session has no refresh token.")
    token["jti"] = session.current_jti.hex
    token["iat"] = int(session.rotated_at.timestamp())
    token["exp"] = int(min(session.idle_expires_at, session.expires_at).timestamp())
    _set_subject(token, session)
    return str(token)


def _set_subject(token: Token, session: AuthSession) -> None:
    token["sid"] = str(session.pk)
    token["sub"] = str(session.user_id)
    token["tid"] = str(session.tenant_id)


def issue_pair(session: AuthSession) -> TokenPair:
    return TokenPair(
        access=issue_access(session),
        refresh=issue_refresh(session),
        expires_in=get_access_token_seconds(session),
    )


class VerifiedToken(NamedTuple):
    """Claims of a token, and from when until when a verification would accept them."""

    claims: Claims
    since: float
    until: float


class VerifiedTokens:
    """The access tokens whose signature this process has verified, by their digest.

    Keeps the most recently used ones, for one key ring: with another ring every token is verified
    again. Only the digest is stored, because a token itself is a credential.
    """

    max_tokens = 4096

    def __init__(self) -> None:
        self.tokens: OrderedDict[bytes, VerifiedToken] = OrderedDict()
        self.ring: KeyRing | None = None
        self.lock = Lock()

    def find(self, digest: bytes, ring: KeyRing, at: float) -> Claims | None:
        with self.lock:
            token = self.tokens.get(digest) if self.ring is ring else None
            if token is None or not token.since <= at < token.until:
                return None
            self.tokens.move_to_end(digest)
            return token.claims

    def add(self, digest: bytes, ring: KeyRing, token: VerifiedToken) -> None:
        with self.lock:
            if self.ring is not ring:
                self.tokens.clear()
                self.ring = ring
            self.tokens[digest] = token
            if len(self.tokens) > self.max_tokens:
                self.tokens.popitem(last=False)


verified_tokens = VerifiedTokens()


def read_access(text: str) -> Claims:
    """Return the claims of an access token; its signature is verified once in each process.

    Its times are compared each time. Raises TokenNotValid.
    """
    ring, now = settings.JWT_KEYS, time.time()
    digest = sha256(text.encode("utf-8", "surrogatepass")).digest()
    known = verified_tokens.find(digest, ring, now)
    if known is not None:
        return known
    claims = _read(AccessToken, text)
    until = claims.expires_at.timestamp() + settings.SIMPLE_JWT["LEEWAY"]
    verified_tokens.add(digest, ring, VerifiedToken(claims, since=now, until=until))
    return claims


def read_refresh(text: str) -> Claims:
    return _read(RefreshToken, text)


def _read(kind: type[Token], text: str) -> Claims:
    """Decode a token. Raises TokenNotValid for every kind of defect."""
    try:
        return _claims(kind(text).payload)  # type: ignore[arg-type]  # stubs want a Token
    except INVALID_TOKEN_ERRORS as error:
        raise TokenNotValid from error


def _claims(payload: dict[str, Any]) -> Claims:
    if not isinstance(payload["aud"], str):
        raise TokenNotValid  # several audiences are not allowed
    return Claims(
        session=uuid.UUID(payload["sid"]),
        user=uuid.UUID(payload["sub"]),
        tenant=uuid.UUID(payload["tid"]),
        token_version=int(payload.get("tv", 0)),
        jti=uuid.UUID(payload["jti"]),
        expires_at=datetime.fromtimestamp(payload["exp"], tz=UTC),
    )
