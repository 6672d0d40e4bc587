"""Webhooks cannot reach addresses that are not public (attack 163)."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenants.events.outbox import publish
from tenants.events.webhooks import addresses, resolve_url
from tenants.events.webhooks.addresses import AddressRefused
from tenants.events.webhooks.subscriber import Webhooks
from tenants.models import Webhook
from tenants.scope import tenant_scope
from tests.support import webhook_server
from tests.support.relay import delivery, run_relay

PUBLIC = "93.184.215.14"
# Addresses that are not public, in different notations.
NON_PUBLIC = """
127.0.0.1 127.255.255.254 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0
224.0.0.1 240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 192.88.99.1 192.0.0.8
::1 :: fe80::1 fc00::1 fd12:3456::1 ff02::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1
2002:7f00:1:: 64:ff9b::7f00:1 64:ff9b:1::1 2001:0:1::1 2001:db8::1 100::1 fec0::1 5f00::1
""".split()
REFUSED = {
    "http://hook.example/": "scheme_refused",
    "file:///etc/passwd": "scheme_refused",
    "gopher://hook.example/": "scheme_refused",
    "ftp://hook.example/": "scheme_refused",
    "//hook.example/": "scheme_refused",
    "https://ok@127.0.0.1/": "credentials_refused",
    "https://a:b@hook.example/": "credentials_refused",
    "https://@hook.example/": "credentials_refused",
    "https://hook.example:5432/": "port_refused",
    "https://hook.example:6379/": "port_refused",
    "https://hook.example:22/": "port_refused",
    "https://hook.example:80/": "port_refused",
    "https://hook.example:0/": "port_refused",
    "https://hook.example:99999/": "port_refused",
    "https:///path": "invalid_host",
    "https://0x7f.1/": "invalid_host",
    "https://2130706433/": "invalid_host",
    "https://0177.0.0.1/": "invalid_host",
    "https://127.1/": "invalid_host",
    "https://0x7f000001/": "invalid_host",
    "https://127.0.0.1./": "invalid_host",
    "https://1.2.3.4.5/": "invalid_host",
    "https://hook_.example..com/": "invalid_host",
    "https://%31%32%37.0.0.1/": "invalid_host",
    "https://[2606:4700::1111%25eth0]/": "invalid_host",
    "https://[2606:4700::1111%lo]/": "invalid_host",
    "https://[v1.hook.example]/": "invalid_host",
    "https://hook.example/#part": "invalid_url",
    "https://hook.example/a b": "invalid_url",
    "https://hook.example\\@127.0.0.1/": "invalid_url",
    "https://hook.example/\r\nHost: x": "invalid_url",
    "https://hööks.example/": "invalid_url",
    "https://[::1": "invalid_url",
    "https://hook.example/" + "a" * 500: "invalid_url",
    "": "invalid_url",
}


@pytest.fixture
def dns_answers(monkeypatch):
    """Fake DNS answers by host, used in order; the last answer repeats."""
    answers = {"hook.example": [[PUBLIC]]}

    def resolve(host, port):
        known = answers.get(host, [[host]])
        return known.pop(0) if len(known) > 1 else known[0]

    monkeypatch.setattr(addresses, "resolve", resolve)
    return answers


def get_refusal_code(url):
    with pytest.raises(AddressRefused) as refusal:
        resolve_url(url)
    return refusal.value.code


def test_attack_163_url_that_is_not_public_https_is_rejected(dns_answers):
    assert {url: get_refusal_code(url) for url in REFUSED} == REFUSED


def test_attack_163_non_public_address_is_rejected_directly_and_by_name(dns_answers):
    for address in NON_PUBLIC:
        host = f"[{address}]" if ":" in address else address
        assert get_refusal_code(f"https://{host}/") == "address_refused", address
        dns_answers["hook.example"] = [[PUBLIC, address]]
        assert get_refusal_code("https://hook.example/") == "address_refused", address


def test_unresolvable_name_is_rejected(dns_answers, monkeypatch):
    monkeypatch.setattr(addresses, "resolve", lambda host, port: [])
    nothing = get_refusal_code("https://hook.example/")

    def fails(host, port):
        raise OSError

    monkeypatch.setattr(addresses, "resolve", fails)

    assert {nothing, get_refusal_code("https://hook.example/")} == {"unresolvable"}


def test_public_url_keeps_its_checked_addresses(dns_answers):
    dns_answers["hook.example"] = [[PUBLIC, "2606:4700::1111", PUBLIC]]

    target = resolve_url("https://Hook.Example:8443/a?b=c")

    assert (target.host, target.port, target.path) == ("hook.example", 8443, "/a?b=c")
    assert target.addresses == (PUBLIC, "2606:4700::1111")
    assert target.authority == "hook.example:8443"


@pytest.mark.django_db
def test_attack_163_dns_rebinding_is_rejected_at_delivery(shop, store, dns_answers, monkeypatch):
    """The name was public when it was saved and now resolves to this machine."""
    dns_answers["hook.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert resolve_url("https://hook.example/").addresses == (PUBLIC,)
    monkeypatch.setattr("socket.create_connection", fail_if_called)
    deliver_to(shop, store, "https://hook.example/")

    assert (delivery().status, delivery().error_code) == ("waiting", "address_refused")


@pytest.mark.django_db
def test_checked_address_is_used_without_a_second_lookup(shop, store, dns_answers, monkeypatch):
    """The connection uses the checked address instead of the name."""
    tried = []

    def connect(address, timeout):
        tried.append((address, timeout <= 5))
        raise ConnectionRefusedError(111, "Connection refused")

    dns_answers["hook.example"] = [[PUBLIC], ["127.0.0.1"]]
    monkeypatch.setattr("socket.create_connection", connect)
    deliver_to(shop, store, "https://hook.example/")

    assert tried == [((PUBLIC, 443), True)]
    assert delivery().error_code == "connection_failed"


@pytest.mark.django_db
def test_http_and_private_addresses_need_the_setting(shop, store, settings):
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        refused = get_refusal_code(webhook_receiver.url)
        deliver_to(shop, store, webhook_receiver.url)
        requests_before = len(webhook_receiver.received)

    assert (refused, requests_before) == ("scheme_refused", 0)
    assert delivery().error_code == "scheme_refused"


@pytest.mark.django_db
def test_untrusted_certificate_is_rejected(shop, store, dns_answers, settings, tmp_path):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        encrypted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        encrypted.load_cert_chain(create_certificate("hook.example", tmp_path))
        webhook_receiver.wrap(encrypted)
        dns_answers["hook.example"] = [["127.0.0.1"]]
        deliver_to(shop, store, f"https://hook.example:{webhook_receiver.port}/")

        assert webhook_receiver.received == []
    assert delivery().error_code == "tls_failed"


def deliver_to(shop, store, url):
    with tenant_scope(shop):
        webhook = Webhook(url=url, events=["*"])
        webhook.make_secret()
        webhook.save()
        publish("store.updated", about=store)
    run_relay(Webhooks())


def fail_if_called(*_, **__):
    raise AssertionError("Nothing may be connected to.")


def create_certificate(name, folder):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
