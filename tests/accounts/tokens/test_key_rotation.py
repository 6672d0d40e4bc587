"""Signing and verification with a key ring, during and after rotations."""

import socket

import jwt
import pytest
from jwt import PyJWKSet

from accounts.security.keys import KeyRing, Status
from tests.support.api import Api
from tests.support.forged_tokens import (
    assert_token_refused,
    build_claims,
    read_header,
    sign_raw_token,
    sign_token,
)
from tests.support.key_rings import build_key_entry, build_key_ring
from tests.support.token_refresh import is_accepted, refresh_token
from tests.support.users import LOG_IN, build_credentials

pytestmark = pytest.mark.once

JWKS = "/.well-known/jwks.json"


@pytest.fixture(params=["HS256", "EdDSA"])
def alg(request):
    return request.param


@pytest.fixture
def keys(alg, settings):
    """Configure a key ring with keys of every status."""
    settings.JWT_KEYS = build_key_ring(
        build_key_entry("gone", "retired", alg),
        build_key_entry("old", "verify", alg),
        build_key_entry("now", "active", alg),
        build_key_entry("new", "verify", alg),
    )
    return {key.kid: key for key in settings.JWT_KEYS.keys}


@pytest.fixture
def till(keys, cashier, client_of):
    return client_of(cashier)


@pytest.fixture
def listener():
    """Listen on a local port to detect connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


# --- key selection --------------------------------------------------------------------------------


def test_tokens_are_signed_by_the_active_key_and_name_it(till, alg):
    assert read_header(till.tokens.access) == {"alg": alg, "kid": "now", "typ": "at+jwt"}
    assert read_header(till.tokens.refresh) == {"alg": alg, "kid": "now", "typ": "rt+jwt"}
    assert is_accepted(till.tokens.access)
    assert is_accepted(refresh_token(Api(), till.tokens.refresh)["access"])


@pytest.mark.parametrize(("kid", "accepted"), [("old", True), ("new", True), ("gone", False)])
def test_token_of_any_key_is_accepted_until_the_key_is_retired(kid, accepted, till, keys, problem):
    token = sign_token(build_claims(till), keys[kid].load_signing_key(), kid=kid)

    if accepted:
        assert is_accepted(token)
    else:
        assert assert_token_refused(token, problem)


def test_token_signed_by_another_key_than_named_is_rejected(till, keys, problem):
    assert assert_token_refused(
        sign_token(build_claims(till), keys["old"].load_signing_key(), kid="now"), problem
    )
    assert assert_token_refused(
        sign_token(build_claims(till), keys["now"].load_signing_key(), kid="old"), problem
    )


@pytest.mark.parametrize(
    "kid", [None, "", "nobody", "../../dev/null", "' OR 1=1--", 5, {"now": 1}, ["now"], "now\0"]
)
def test_attack_041_unknown_key_id_is_rejected(kid, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), kid=kid), problem)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "kid"])
def test_attack_042_keys_are_never_fetched_from_urls_in_a_token(name, till, listener, problem):
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys.json"
    value = {"jwk": {"kty": "oct", "k": "QQ", "jku": url}, "x5c": [url]}.get(name, url)

    assert assert_token_refused(sign_token(build_claims(till), **{name: value}), problem)

    with pytest.raises(BlockingIOError):
        listener.accept()


def test_attack_039_public_key_is_not_accepted_as_shared_secret(
    settings, cashier, client_of, problem
):
    """Otherwise anybody could sign with the published key."""
    settings.JWT_KEYS = keys = KeyRing.generate("now", "EdDSA")
    till = client_of(cashier)
    public = keys.active.with_status(Status.VERIFY).public
    header = read_header(till.tokens.access)

    for secret in (public, public.strip(), keys.public_jwks()[0]["x"]):
        assert assert_token_refused(
            sign_raw_token(build_claims(till), secret, "HS256", header), problem
        )


def test_shared_secret_token_is_rejected_by_an_asymmetric_key_ring(
    settings, cashier, client_of, problem
):
    till = client_of(cashier)
    before = settings.JWT_KEYS
    settings.JWT_KEYS = KeyRing.generate(before.active.kid, "EdDSA")

    assert assert_token_refused(till.tokens.access, problem)


def test_access_and_refresh_tokens_are_not_interchangeable(till, problem):
    assert assert_token_refused(till.tokens.refresh, problem)
    swapped = Api().post("auth/token/refresh/", {"refresh": till.tokens.access})
    problem(swapped, 401, "token_not_valid")


# --- rotation ----------------------------------------------------------------------------------


def rotation_steps(first):
    """Return the key rings that are deployed one after the other."""
    added = first.with_new_key("second")
    activated = added.activate_newest()
    return [first, added, activated]


def test_attack_062_rotation_steps_keep_tokens_valid(alg, settings, cashier, client_of):
    """Machines are deployed one by one, so adjacent steps must accept each other's tokens."""
    steps = rotation_steps(KeyRing.generate("first", alg))

    for issuing in range(3):
        for reading in {max(issuing - 1, 0), issuing, min(issuing + 1, 2)}:
            settings.JWT_KEYS = steps[issuing]
            tokens = client_of(cashier).tokens
            settings.JWT_KEYS = steps[reading]

            assert is_accepted(tokens.access), (issuing, reading)
            assert is_accepted(refresh_token(Api(), tokens.refresh)["access"]), (issuing, reading)


def test_session_survives_a_complete_rotation(alg, settings, cashier, problem):
    first = KeyRing.generate("first", alg)
    *_, activated = steps = rotation_steps(first)
    settings.JWT_KEYS = first
    pair = oldest = Api().post(LOG_IN, build_credentials()).json()

    for step in [*steps, activated.retire_former()]:
        settings.JWT_KEYS = step
        assert is_accepted(pair["access"])
        pair = refresh_token(Api(), pair["refresh"])

    assert read_header(pair["refresh"])["kid"] == "second"
    assert assert_token_refused(oldest["access"], problem)


def test_switch_from_a_secret_to_a_key_ring_keeps_tokens_valid(settings, cashier, client_of):
    tokens = client_of(cashier).tokens

    settings.JWT_KEYS = KeyRing.read(
        settings.JWT_KEYS.with_new_key("new").activate_newest().write()
    )

    assert is_accepted(tokens.access)
    assert read_header(refresh_token(Api(), tokens.refresh)["refresh"])["kid"] == "new"


def test_new_key_ring_invalidates_all_tokens(alg, till, settings, problem):
    settings.JWT_KEYS = KeyRing.generate("new", alg)

    assert assert_token_refused(till.tokens.access, problem)
    again = Api().post("auth/token/refresh/", {"refresh": till.tokens.refresh})
    problem(again, 401, "token_not_valid")


# --- published keys ----------------------------------------------------------------------------


def test_jwks_contains_public_keys_only(settings, client, cashier, client_of):
    settings.JWT_KEYS = build_key_ring(
        build_key_entry("gone", "retired", "EdDSA"),
        build_key_entry("old", "verify", "EdDSA"),
        build_key_entry("now", "active", "EdDSA"),
    )

    response = client.get(JWKS)

    assert response.status_code == 200
    assert response["Cache-Control"] == "max-age=300"
    found = response.json()["keys"]
    assert [key["kid"] for key in found] == ["old", "now"]
    for key in found:
        assert key.keys() == {"kty", "crv", "x", "kid", "alg", "use"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == (
            "OKP",
            "Ed25519",
            "EdDSA",
            "sig",
        )


def test_other_services_can_verify_tokens_with_the_jwks(settings, client, cashier, client_of):
    settings.JWT_KEYS = KeyRing.generate("now", "EdDSA")
    token = client_of(cashier).tokens.access

    found = PyJWKSet.from_dict(client.get(JWKS).json())[read_header(token)["kid"]]

    claims = jwt.decode(token, found, algorithms=["EdDSA"], audience="till-api", issuer="till")
    assert claims["sub"] == str(cashier.pk)


def test_shared_secret_is_not_published(client, db, problem):
    response = client.get(JWKS)

    problem(response, 404, "not_found")


def test_jwks_is_read_only(client, db, problem):
    problem(client.post(JWKS), 405, "method_not_allowed")
