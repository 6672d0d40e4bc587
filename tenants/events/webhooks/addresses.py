"""Validation of webhook URLs: only public addresses are allowed (protection from SSRF)."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

MAX_URL_LENGTH = 500
PORTS = {"https": 443, "http": 80}
ALLOWED_PORTS = frozenset({443, 8443})
# Printable ASCII without the backslash, which URL parsers read differently.
ALLOWED_CHARACTERS = re.compile(r"[!-\[\]-~]+\Z")
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*\.?\Z")
# Names that resolvers read as IPv4 addresses: 0x7f.1, 2130706433, 0177.0.0.1.
NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9A-Fa-f]*)\.?\Z")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Listed explicitly, because `is_global` of the standard library differs between its versions.
BLOCKED_NETWORKS = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 "
        "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 "
        "198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
        # Within global unicast: protocol assignments (such as Teredo), documentation, 6to4.
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
    ).split()
]
# All other IPv6 addresses, such as IPv4-mapped ones, are rejected.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class AddressRefused(Exception):
    """A URL that is not allowed, with a `code` for programs and a message for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: the validated addresses of the host."""

    is_encrypted: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == PORTS["https" if self.is_encrypted else "http"]
        return host if is_usual else f"{host}:{self.port}"


def resolve_url(url: str) -> Target:
    """Return the validated target of a URL. Queries DNS; raises AddressRefused."""
    parts = _split_url(url)
    port = _parse_port(parts)
    host = _parse_host(parts)
    addresses = tuple(dict.fromkeys(_resolve_host(host, port)))
    if not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES:
        for address in addresses:
            ensure_public(address)
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme == "https", host, port, (parts.path or "/") + query, addresses)


def _split_url(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH or not ALLOWED_CHARACTERS.match(url):
        raise AddressRefused("invalid_url", "Must be a valid URL.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressRefused("invalid_url", "Must be a valid URL.") from error
    schemes = PORTS if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefused("scheme_refused", "Must begin with https://.")
    if "@" in parts.netloc:
        raise AddressRefused("credentials_refused", "Must not contain a user name or password.")
    if parts.fragment or url.endswith("#"):
        raise AddressRefused("invalid_url", "Must not contain a fragment.")
    return parts


def _parse_port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise AddressRefused("port_refused", "Must have a valid port.") from error
    port = PORTS[parts.scheme] if port is None else port
    if port not in ALLOWED_PORTS and not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES:
        raise AddressRefused("port_refused", "Must use port 443 or 8443.")
    return port


def _parse_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        # The replacement rejects zone ids, which select a network interface.
        return str(ipaddress.ip_address(host.replace("%", " ")))
    except ValueError:
        pass
    if "[" in parts.netloc or not NAME.match(host) or NUMBER.match(host):
        raise AddressRefused("invalid_host", "Must have a valid host name.")
    return host


def _resolve_host(host: str, port: int) -> list[str]:
    try:
        found = resolve(host, port)
    except OSError as error:
        raise AddressRefused("unresolvable", "The host name could not be resolved.") from error
    if not found:
        raise AddressRefused("unresolvable", "The host name could not be resolved.")
    return found


def resolve(host: str, port: int) -> list[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


def ensure_public(address: str) -> None:
    """Reject an address that is not public. Each address of a host must be allowed."""
    try:
        number: Address = ipaddress.ip_address(address)
    except ValueError as error:
        raise AddressRefused("address_refused", "Must resolve to public addresses only.") from error
    is_allowed_range = number.version == 4 or number in GLOBAL_UNICAST  # noqa: PLR2004
    if not is_allowed_range or any(number in network for network in BLOCKED_NETWORKS):
        raise AddressRefused("address_refused", "Must resolve to public addresses only.")
