"""The tokens: what they say, and that nothing in them is believed about rights."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import Token

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession


def backend_for(audience: str) -> TokenBackend:
    """Access and refresh tokens have different audiences: neither passes for the other."""
    jwt = settings.SIMPLE_JWT
    return TokenBackend(
        algorithm=jwt["ALGORITHM"],
        signing_key=jwt["SIGNING_KEY"],
        issuer=jwt["ISSUER"],
        audience=audience,
        leeway=jwt["LEEWAY"],
    )


class AccessToken(Token):
    """Lets in for some minutes. Role and rights are read from the database, never from here."""

    token_type = "access"  # noqa: S105
    lifetime = settings.ACCESS_TOKEN_LIFETIME
    _token_backend = backend_for("till-api")

    @property
    def token_backend(self) -> TokenBackend:
        return self._token_backend


class RefreshToken(Token):
    """Buys the next pair, once."""

    token_type = "refresh"  # noqa: S105
    lifetime = settings.SESSION_LIFETIME
    _token_backend = backend_for("till-auth")

    @property
    def token_backend(self) -> TokenBackend:
        return self._token_backend


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


def issue_access(session: AuthSession) -> str:
    token = AccessToken()
    _name(token, session)
    token["tv"] = session.user.token_version
    return str(token)


def issue_refresh(session: AuthSession) -> str:
    """The refresh token of the session's present state: the same state gives the same text.

    So a client that lost an answer gets it again, though no token is kept anywhere.
    """
    token = RefreshToken()
    token["jti"] = session.current_jti.hex
    token["iat"] = int(session.rotated_at.timestamp())
    token["exp"] = int(min(session.idle_expires_at, session.expires_at).timestamp())
    _name(token, session)
    return str(token)


def _name(token: Token, session: AuthSession) -> None:
    token["sid"] = str(session.pk)
    token["sub"] = str(session.user_id)
    token["tid"] = str(session.tenant_id)


def issue_pair(session: AuthSession) -> TokenPair:
    lifetime: timedelta = settings.ACCESS_TOKEN_LIFETIME
    return TokenPair(
        access=issue_access(session),
        refresh=issue_refresh(session),
        expires_in=int(lifetime.total_seconds()),
    )


def read_access(text: str) -> Claims:
    return _read(AccessToken, text)


def read_refresh(text: str) -> Claims:
    return _read(RefreshToken, text)


def _read(kind: type[Token], text: str) -> Claims:
    """Whatever is wrong with a token, signed by us or not, is the same refusal."""
    try:
        return _claims(kind(text).payload)  # type: ignore[arg-type]  # stubs want a Token
    except (TokenError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
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
