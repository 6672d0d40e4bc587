"""Which addresses a webhook may have: those of the open internet, and no others."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

MAX_URL_LENGTH = 500
PORTS = {"https": 443, "http": 80}
OPEN_PORTS = frozenset({443, 8443})
# Printable ASCII without what some readers of addresses take for something else.
PLAIN = re.compile(r"[!-\[\]-~]+\Z")
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*\.?\Z")
# What ends so is a number to whoever resolves it: 0x7f.1, 2130706433, 0177.0.0.1.
NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0[xX][0-9A-Fa-f]*)\.?\Z")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Written down rather than asked of the library, whose answers have changed with its versions.
BLOCKED_NETWORKS = [
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 "
        "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 "
        "198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
        # Of what is given out of IPv6: protocols (Teredo among them), examples, 6to4.
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
    ).split()
]
# All else of IPv6, such as addresses that hold one of IPv4, is not the open internet.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


class AddressRefused(Exception):
    """Nothing is sent there. `code` is for machines, the words for people."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: at one of the addresses, which are those that were checked."""

    is_encrypted: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """As the Host header says it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == PORTS["https" if self.is_encrypted else "http"]
        return host if is_usual else f"{host}:{self.port}"


def resolve_url(url: str) -> Target:
    """Where this goes, if somebody outside is there; asks the name service."""
    parts = _parts(url)
    port = _port(parts)
    host = _host(parts)
    addresses = tuple(dict.fromkeys(_resolved(host, port)))
    if not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES:
        for address in addresses:
            ensure_public(address)
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme == "https", host, port, (parts.path or "/") + query, addresses)


def _parts(url: str) -> SplitResult:
    if len(url) > MAX_URL_LENGTH or not PLAIN.match(url):
        raise AddressRefused("invalid_url", "Not an address of the web.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise AddressRefused("invalid_url", "Not an address of the web.") from error
    schemes = PORTS if settings.WEBHOOKS_TO_PRIVATE_ADDRESSES else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefused("scheme_refused", "It has to begin with https://.")
    if "@" in parts.netloc:
        raise AddressRefused("credentials_refused", "Without a name and a password.")
    if parts.fragment or url.endswith("#"):
        raise AddressRefused("invalid_url", "Without a fragment.")
    return parts


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise AddressRefused("port_refused", "No such port.") from error
    port = PORTS[parts.scheme] if port is None else port
    if port not in OPEN_PORTS and not settings.WEBHOOKS_TO_PRIVATE_ADDRESSES:
        raise AddressRefused("port_refused", "Only ports 443 and 8443 are possible.")
    return port


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    try:
        # Not with a zone, which says by which way out of this machine.
        return str(ipaddress.ip_address(host.replace("%", " ")))
    except ValueError:
        pass
    if "[" in parts.netloc or not NAME.match(host) or NUMBER.match(host):
        raise AddressRefused("invalid_host", "Not the name of a server.")
    return host


def _resolved(host: str, port: int) -> list[str]:
    try:
        found = resolve(host, port)
    except OSError as error:
        raise AddressRefused("unresolvable", "This name leads to no server.") from error
    if not found:
        raise AddressRefused("unresolvable", "This name leads to no server.")
    return found


def resolve(host: str, port: int) -> list[str]:
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


def ensure_public(address: str) -> None:
    """One closed address among several is one too many: the connection might take it."""
    try:
        number: Address = ipaddress.ip_address(address)
    except ValueError as error:
        raise AddressRefused("address_refused", "Not a public address.") from error
    is_known = number.version == 4 or number in GLOBAL_UNICAST  # noqa: PLR2004
    if not is_known or any(number in network for network in BLOCKED_NETWORKS):
        raise AddressRefused("address_refused", "Not a public address.")
