"""The tokens: what they say, and that nothing in them is believed about rights."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

import jwt
from django.conf import settings
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession
from accounts.security.keyring import KeyRing

# A token with more in its header, such as a key or where to get one, is none of ours.
TOKEN_HEADER_NAMES = frozenset({"alg", "kid", "typ"})
# What reading a token of ours can end in; OSError is a time beyond what the machine can tell.
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
    """Signs with the active key of a ring, and verifies with the one that a token names.

    The name is looked up among our own keys and nowhere else. The type keeps each kind of token
    apart from the others, as the audience does.
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
    """A token of the ring that the settings have at this moment."""

    typ: ClassVar[str]
    audience: ClassVar[str]

    @property
    def token_backend(self) -> TokenBackend:
        return get_token_backend(settings.JWT_KEYS, self.typ, self.audience)


class AccessToken(KeyRingToken):
    """Lets in for some minutes. Role and rights are read from the database, never from here."""

    token_type = "access"  # noqa: S105
    lifetime = settings.ACCESS_TOKEN_LIFETIME
    typ = "at+jwt"
    audience = "till-api"


class RefreshToken(KeyRingToken):
    """Buys the next pair, once."""

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
    """What a token says of itself, in types; rights are not among it."""

    session: uuid.UUID
    user: uuid.UUID
    tenant: uuid.UUID
    token_version: int
    jti: uuid.UUID
    expires_at: datetime


def get_access_token_lifetime(session: AuthSession) -> timedelta:
    """Nothing renews the token of a PIN: it is good as long as its session, if that is used."""
    if session.is_pin_session:
        return session.expires_at - timezone.now()
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME
    return lifetime


def get_access_token_seconds(session: AuthSession) -> int:
    return int(get_access_token_lifetime(session).total_seconds())


def issue_access(session: AuthSession) -> str:
    """`auth_time` is for clients to read; what it allows is read from the session."""
    token = AccessToken()
    token.set_exp(lifetime=get_access_token_lifetime(session))
    _set_subject(token, session)
    token["tv"] = session.user.token_version
    token["auth_time"] = int(session.auth_time.timestamp())
    return str(token)


def issue_refresh(session: AuthSession) -> str:
    """The refresh token of the session's present state: the same state gives the same text.

    So a client that lost an answer gets it again, though no token is kept anywhere.
    """
    token = RefreshToken()
    if session.current_jti is None:
        raise TypeError("A session that a PIN has opened has no refresh token.")
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


def read_access(text: str) -> Claims:
    return _read(AccessToken, text)


def read_refresh(text: str) -> Claims:
    return _read(RefreshToken, text)


def _read(kind: type[Token], text: str) -> Claims:
    """Whatever is wrong with a token, signed by us or not, is the same refusal."""
    try:
        return _claims(kind(text).payload)  # type: ignore[arg-type]  # stubs want a Token
    except INVALID_TOKEN_ERRORS as error:
        raise TokenNotValid from error


def _claims(payload: dict[str, Any]) -> Claims:
    if not isinstance(payload["aud"], str):
        raise TokenNotValid  # a token for several doors is none of ours
    return Claims(
        session=uuid.UUID(payload["sid"]),
        user=uuid.UUID(payload["sub"]),
        tenant=uuid.UUID(payload["tid"]),
        token_version=int(payload.get("tv", 0)),
        jti=uuid.UUID(payload["jti"]),
        expires_at=datetime.fromtimestamp(payload["exp"], tz=UTC),
    )
