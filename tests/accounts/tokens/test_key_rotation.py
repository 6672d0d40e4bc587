"""Tokens under a ring of keys: which one signs, which are believed, and how one follows another."""

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
    """A ring with keys of every status."""
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
def sink():
    """An address of this machine, and whether anybody came to it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


# --- which key --------------------------------------------------------------------------------


def test_the_active_key_signs_and_both_tokens_say_so(till, alg):
    assert read_header(till.tokens.access) == {"alg": alg, "kid": "now", "typ": "at+jwt"}
    assert read_header(till.tokens.refresh) == {"alg": alg, "kid": "now", "typ": "rt+jwt"}
    assert is_accepted(till.tokens.access)
    assert is_accepted(refresh_token(Api(), till.tokens.refresh)["access"])


@pytest.mark.parametrize(("kid", "believed"), [("old", True), ("new", True), ("gone", False)])
def test_the_key_that_a_token_names_is_believed_until_it_is_retired(
    kid, believed, till, keys, problem
):
    token = sign_token(build_claims(till), keys[kid].load_signing_key(), kid=kid)

    if believed:
        assert is_accepted(token)
    else:
        assert assert_token_refused(token, problem)


def test_one_key_under_the_name_of_another_is_refused(till, keys, problem):
    assert assert_token_refused(
        sign_token(build_claims(till), keys["old"].load_signing_key(), kid="now"), problem
    )
    assert assert_token_refused(
        sign_token(build_claims(till), keys["now"].load_signing_key(), kid="old"), problem
    )


@pytest.mark.parametrize(
    "kid", [None, "", "nobody", "../../dev/null", "' OR 1=1--", 5, {"now": 1}, ["now"], "now\0"]
)
def test_attack_041_a_name_that_is_not_in_the_ring_is_refused(kid, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), kid=kid), problem)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "kid"])
def test_attack_042_a_token_makes_nobody_fetch_a_key(name, till, sink, problem):
    url = f"http://127.0.0.1:{sink.getsockname()[1]}/keys.json"
    value = {"jwk": {"kty": "oct", "k": "QQ", "jku": url}, "x5c": [url]}.get(name, url)

    assert assert_token_refused(sign_token(build_claims(till), **{name: value}), problem)

    with pytest.raises(BlockingIOError):
        sink.accept()


def test_attack_039_a_public_key_is_no_secret_to_sign_with(settings, cashier, client_of, problem):
    """What everybody may read would else be good for signing as well."""
    settings.JWT_KEYS = keys = KeyRing.generate("now", "EdDSA")
    till = client_of(cashier)
    public = keys.active.with_status(Status.VERIFY).public
    header = read_header(till.tokens.access)

    for secret in (public, public.strip(), keys.public_jwks()[0]["x"]):
        assert assert_token_refused(
            sign_raw_token(build_claims(till), secret, "HS256", header), problem
        )


def test_a_shared_secret_signs_nothing_where_keys_are_public(settings, cashier, client_of, problem):
    till = client_of(cashier)
    before = settings.JWT_KEYS
    settings.JWT_KEYS = KeyRing.generate(before.active.kid, "EdDSA")

    assert assert_token_refused(till.tokens.access, problem)


def test_access_and_refresh_do_not_pass_for_each_other(till, problem):
    assert assert_token_refused(till.tokens.refresh, problem)
    swapped = Api().post("auth/token/refresh/", {"refresh": till.tokens.access})
    problem(swapped, 401, "token_not_valid")


# --- one after the other ----------------------------------------------------------------------


def rotations(first):
    """The rings that are deployed one after the other, until nothing of the first is left."""
    added = first.with_new_key("second")
    activated = added.activate_newest()
    return [first, added, activated]


def test_attack_062_no_step_of_a_rotation_logs_anybody_out(alg, settings, cashier, client_of):
    """Deployed machine by machine: what one ring signs, the ring before and after believes."""
    steps = rotations(KeyRing.generate("first", alg))

    for issuing in range(3):
        for reading in {max(issuing - 1, 0), issuing, min(issuing + 1, 2)}:
            settings.JWT_KEYS = steps[issuing]
            tokens = client_of(cashier).tokens
            settings.JWT_KEYS = steps[reading]

            assert is_accepted(tokens.access), (issuing, reading)
            assert is_accepted(refresh_token(Api(), tokens.refresh)["access"]), (issuing, reading)


def test_a_session_lives_through_a_whole_rotation(alg, settings, cashier, problem):
    first = KeyRing.generate("first", alg)
    *_, activated = steps = rotations(first)
    settings.JWT_KEYS = first
    pair = oldest = Api().post(LOG_IN, build_credentials()).json()

    for step in [*steps, activated.retire_former()]:
        settings.JWT_KEYS = step
        assert is_accepted(pair["access"])
        pair = refresh_token(Api(), pair["refresh"])

    assert read_header(pair["refresh"])["kid"] == "second"
    assert assert_token_refused(oldest["access"], problem)


def test_from_one_secret_to_a_ring_nobody_is_logged_out(settings, cashier, client_of):
    tokens = client_of(cashier).tokens

    settings.JWT_KEYS = KeyRing.read(
        settings.JWT_KEYS.with_new_key("new").activate_newest().write()
    )

    assert is_accepted(tokens.access)
    assert read_header(refresh_token(Api(), tokens.refresh)["refresh"])["kid"] == "new"


def test_a_ring_begun_anew_ends_every_token(alg, till, settings, problem):
    settings.JWT_KEYS = KeyRing.generate("anew", alg)

    assert assert_token_refused(till.tokens.access, problem)
    again = Api().post("auth/token/refresh/", {"refresh": till.tokens.refresh})
    problem(again, 401, "token_not_valid")


# --- the public keys --------------------------------------------------------------------------


def test_others_may_read_the_public_keys_and_nothing_else(settings, client, cashier, client_of):
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


def test_with_them_another_service_verifies_a_token(settings, client, cashier, client_of):
    settings.JWT_KEYS = KeyRing.generate("now", "EdDSA")
    token = client_of(cashier).tokens.access

    found = PyJWKSet.from_dict(client.get(JWKS).json())[read_header(token)["kid"]]

    claims = jwt.decode(token, found, algorithms=["EdDSA"], audience="till-api", issuer="till")
    assert claims["sub"] == str(cashier.pk)


def test_a_shared_secret_is_nobodys_to_read(client, db, problem):
    response = client.get(JWKS)

    problem(response, 404, "not_found")


def test_the_keys_cannot_be_written(client, db, problem):
    problem(client.post(JWKS), 405, "method_not_allowed")
