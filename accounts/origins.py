"""From where a request comes, as far as our own proxies and the client itself tell."""

from ipaddress import ip_address

from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle


def ip_of(request: Request | HttpRequest) -> str | None:
    return address_or_none(BaseThrottle().get_ident(request))  # type: ignore[arg-type]


def address_or_none(text: str | None) -> str | None:
    """A proxy hands on what it was told, which need not be an address; zones mean nothing here."""
    try:
        address = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    return str(address)


def printable(text: str) -> str:
    """What people will read in a list of devices, without what would break its lines."""
    return "".join(letter for letter in text if letter.isprintable())
