"""No webhook leads to where the installation itself lives (attack 163)."""

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
# Not public, however it is written.
CLOSED = """
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
def names(monkeypatch):
    """What the name service says; the last answer stays."""
    answers = {"hook.example": [[PUBLIC]]}

    def resolve(host, port):
        said = answers.get(host, [[host]])
        return said.pop(0) if len(said) > 1 else said[0]

    monkeypatch.setattr(addresses, "resolve", resolve)
    return answers


def code_of(url):
    with pytest.raises(AddressRefused) as refusal:
        resolve_url(url)
    return refusal.value.code


def test_attack_163_what_is_no_plain_public_address_is_refused(names):
    assert {url: code_of(url) for url in REFUSED} == REFUSED


def test_attack_163_no_closed_address_is_reached_by_itself_or_by_a_name(names):
    for address in CLOSED:
        host = f"[{address}]" if ":" in address else address
        assert code_of(f"https://{host}/") == "address_refused", address
        names["hook.example"] = [[PUBLIC, address]]
        assert code_of("https://hook.example/") == "address_refused", address


def test_a_name_that_leads_nowhere_is_refused(names, monkeypatch):
    monkeypatch.setattr(addresses, "resolve", lambda host, port: [])
    nothing = code_of("https://hook.example/")

    def fails(host, port):
        raise OSError

    monkeypatch.setattr(addresses, "resolve", fails)

    assert {nothing, code_of("https://hook.example/")} == {"unresolvable"}


def test_a_public_address_is_taken_with_the_addresses_that_were_checked(names):
    names["hook.example"] = [[PUBLIC, "2606:4700::1111", PUBLIC]]

    target = resolve_url("https://Hook.Example:8443/a?b=c")

    assert (target.host, target.port, target.path) == ("hook.example", 8443, "/a?b=c")
    assert target.addresses == (PUBLIC, "2606:4700::1111")
    assert target.authority == "hook.example:8443"


@pytest.mark.django_db
def test_attack_163_a_name_that_is_bound_anew_is_refused_when_it_is_called(
    shop, store, names, monkeypatch
):
    """It was public when it was saved; by now it leads to this machine."""
    names["hook.example"] = [[PUBLIC], ["127.0.0.1"]]
    assert resolve_url("https://hook.example/").addresses == (PUBLIC,)
    monkeypatch.setattr("socket.create_connection", fail_if_called)
    told_to(shop, store, "https://hook.example/")

    assert (delivery().status, delivery().error_code) == ("waiting", "address_refused")


@pytest.mark.django_db
def test_between_the_check_and_the_call_nobody_asks_for_the_name_again(
    shop, store, names, monkeypatch
):
    """The connection goes to the address that was checked, and never by the name."""
    tried = []

    def connect(address, timeout):
        tried.append((address, timeout <= 5))
        raise ConnectionRefusedError(111, "Connection refused")

    names["hook.example"] = [[PUBLIC], ["127.0.0.1"]]
    monkeypatch.setattr("socket.create_connection", connect)
    told_to(shop, store, "https://hook.example/")

    assert tried == [((PUBLIC, 443), True)]
    assert delivery().error_code == "connection_failed"


@pytest.mark.django_db
def test_http_and_this_machine_need_the_setting(shop, store, settings):
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        refused = code_of(webhook_receiver.url)
        told_to(shop, store, webhook_receiver.url)
        heard_before = len(webhook_receiver.heard)

    assert (refused, heard_before) == ("scheme_refused", 0)
    assert delivery().error_code == "scheme_refused"


@pytest.mark.django_db
def test_a_certificate_that_nobody_vouches_for_is_refused(shop, store, names, settings, tmp_path):
    settings.WEBHOOKS_TO_PRIVATE_ADDRESSES = True
    with webhook_server.run_webhook_receiver() as webhook_receiver:
        encrypted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        encrypted.load_cert_chain(certificate_of("hook.example", tmp_path))
        webhook_receiver.wrap(encrypted)
        names["hook.example"] = [["127.0.0.1"]]
        told_to(shop, store, f"https://hook.example:{webhook_receiver.port}/")

        assert webhook_receiver.heard == []
    assert delivery().error_code == "tls_failed"


def told_to(shop, store, url):
    with tenant_scope(shop):
        webhook = Webhook(url=url, events=["*"])
        webhook.make_secret()
        webhook.save()
        publish("store.updated", about=store)
    run_relay(Webhooks())


def fail_if_called(*_, **__):
    raise AssertionError("Nothing may be connected to.")


def certificate_of(name, folder):
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
