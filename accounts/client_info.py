"""From where a request comes, as far as our own proxies and the client itself tell."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from tenants.models.tenant import RESERVED_SLUGS


def get_client_ip(request: Request | HttpRequest) -> str | None:
    return parse_ip(BaseThrottle().get_ident(request))  # type: ignore[arg-type]


def parse_ip(text: str | None) -> str | None:
    """A proxy hands on what it was told, which need not be an address; zones mean nothing here."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return str(address)


def strip_unprintable(text: str) -> str:
    """What people will read in a list of devices, without what would break its lines."""
    return "".join(letter for letter in text if letter.isprintable())


def get_tenant_slug_from_host(request: Request | HttpRequest) -> str | None:
    """The shop whose own name below POS_BASE_DOMAIN was asked, if it was one's: green.till.example.

    `www` and its like are nobody's; no shop can be called so.
    """
    host = request.get_host().partition(":")[0].lower()
    shop, dot, base = host.partition(".")
    is_ours = bool(dot) and base == settings.POS_BASE_DOMAIN
    return shop if is_ours and shop not in RESERVED_SLUGS else None
