"""Client IP address, user agent and tenant host name of a request."""

import uuid
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle

from accounts.security.rate_limits.policies import normalize_to_network
from accounts.services.sessions import ClientInfo
from tenants.models.tenant import RESERVED_SLUGS


def get_client_info(request: Request | HttpRequest) -> ClientInfo:
    user_agent = strip_unprintable(request.headers.get("User-Agent", ""))
    return ClientInfo(ip=get_client_ip(request), user_agent=user_agent)


def get_client_ip(request: Request | HttpRequest) -> str | None:
    return parse_ip(BaseThrottle().get_ident(request))  # type: ignore[arg-type]


def get_client_location(request: Request) -> str:
    """Return where a request comes from: its paired register, or else its network."""
    session: Any = request.auth
    at: uuid.UUID | None = session.register_id
    return at.hex if at else normalize_to_network(get_client_ip(request))


def find_client_ip(environ: Mapping[str, Any]) -> str | None:
    """Return the IP address of a request that is known by its WSGI environment alone."""
    forwarded, remote = environ.get("HTTP_X_FORWARDED_FOR"), environ.get("REMOTE_ADDR")
    return _find_client_ip(forwarded, remote, api_settings.NUM_PROXIES)


@lru_cache(maxsize=4096)
def _find_client_ip(forwarded: str | None, remote: str | None, _proxies: int | None) -> str | None:
    request = HttpRequest()
    given = {"HTTP_X_FORWARDED_FOR": forwarded, "REMOTE_ADDR": remote}
    request.META = {name: value for name, value in given.items() if value is not None}
    return get_client_ip(request)


def parse_ip(text: str | None) -> str | None:
    """Return a normalized IP address without its zone, or None if the text is no address."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return str(address)


def strip_unprintable(text: str) -> str:
    """Remove unprintable characters, such as line breaks, from a user agent."""
    return "".join(letter for letter in text if letter.isprintable())


def get_tenant_slug_from_host(request: Request | HttpRequest) -> str | None:
    """Return the tenant slug of a host below POS_BASE_DOMAIN, such as `green` of
    green.till.example, or None. Reserved names such as `www` are no tenants.
    """
    host = request.get_host().partition(":")[0].lower()
    shop, dot, base = host.partition(".")
    is_ours = bool(dot) and base == settings.POS_BASE_DOMAIN
    return shop if is_ours and shop not in RESERVED_SLUGS else None
