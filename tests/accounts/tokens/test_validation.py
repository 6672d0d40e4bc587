"""Validation of access and refresh tokens: signature, claims and session."""

import uuid
from datetime import timedelta
from itertools import product

import jwt
import pytest
from django.utils import timezone

from accounts.models import AuthSession, User
from accounts.security.tokens import issue_pair, read_refresh
from tenants.scope import across_tenants
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Api
from tests.support.forged_tokens import (
    ACCESS,
    REFRESH,
    assert_token_refused,
    build_claims,
    raw,
    read_header,
    sign_token,
)

pytestmark = pytest.mark.once

OTHER_KEY = "another-key-of-the-right-length-that-signs-nothing-here"


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


def test_untampered_token_is_accepted(till):
    assert Api(sign_token(build_claims(till))).get("auth/me/").status_code == 200


# --- signatures -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 1, ["HS256"]])
def test_attack_038_unsigned_token_is_rejected(algorithm, till, problem):
    header = read_header(till.tokens.access) | {"alg": algorithm}

    assert assert_token_refused(raw(header, build_claims(till)), problem)


def test_attack_038_empty_signature_is_rejected(till, problem):
    header, payload, _ = till.tokens.access.split(".")

    assert assert_token_refused(f"{header}.{payload}.", problem)


def test_token_signed_with_another_key_is_rejected(till, problem):
    assert assert_token_refused(sign_token(build_claims(till), OTHER_KEY), problem)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_token_signed_with_another_algorithm_is_rejected(algorithm, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), algorithm=algorithm), problem)


def test_exchanged_claims_are_rejected(till, manager, client_of, problem):
    header, _, signature = till.tokens.access.split(".")
    _, payload, _ = client_of(manager).tokens.access.split(".")

    assert assert_token_refused(f"{header}.{payload}.{signature}", problem)


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": None},
        {"kid": ""},
        {"kid": 5},
        {"kid": {"kid": "x"}},
        {"kid": ["x"]},
        {"kid": "unknown"},
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1--"},
        {"kid": "http://127.0.0.1:9/key"},
        {"jwk": {"kty": "oct", "k": "YW5vdGhlcg"}},
        {"jku": "http://127.0.0.1:9/keys"},
        {"x5u": "http://127.0.0.1:9/certificate"},
        {"x5c": ["MIIB"]},
        {"b64": False, "crit": ["b64"]},
        {"crit": ["exp"]},
    ],
)
@pytest.mark.parametrize("key", [OTHER_KEY, None], ids=["another key", "our key"])
def test_attack_041_042_headers_cannot_select_or_bring_a_key(headers, key, till, problem):
    """Unknown critical headers are rejected as well."""
    assert assert_token_refused(sign_token(build_claims(till), key, **headers), problem)


@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "AT+JWT", REFRESH, "apr+jwt", 5, [ACCESS]])
def test_token_with_another_type_header_is_rejected(typ, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), typ=typ), problem)


# --- claims with a valid signature -------------------------------------------------------------


@pytest.mark.parametrize("claim", ["sid", "sub", "tid", "jti", "exp", "iss", "aud", "token_type"])
def test_attack_044_048_missing_claim_is_rejected(claim, till, problem):
    assert assert_token_refused(sign_token(build_claims(till, **{claim: None})), problem)


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("iss", "another"),
        ("iss", ["till"]),
        ("aud", "till-auth"),
        ("aud", "till"),
        ("aud", ["till-api"]),
        ("aud", ["till-api", "till-auth"]),
        ("token_type", "refresh"),
        ("exp", 1),
        ("exp", "soon"),
        ("exp", 10**20),
        ("exp", [1]),
        ("iat", 10**12),
        ("nbf", 10**10),
        ("tv", 2),
        ("tv", 0),
        ("tv", "x"),
        ("tv", [1]),
        ("tv", None),
        *product(["sid", "sub", "tid", "jti"], ["x", "", 5, {}, ["a"], True, 10**40]),
    ],
)
def test_attack_044_048_invalid_claim_is_rejected(claim, value, till, problem):
    assert assert_token_refused(sign_token(build_claims(till, **{claim: value})), problem)


@pytest.mark.parametrize("claim", ["sid", "sub", "tid"])
def test_token_with_unknown_ids_is_rejected(claim, till, problem):
    assert assert_token_refused(
        sign_token(build_claims(till, **{claim: str(uuid.uuid4())})), problem
    )


def test_attack_047_token_with_another_users_id_is_rejected(till, manager, problem):
    assert assert_token_refused(sign_token(build_claims(till, sub=str(manager.pk))), problem)


def test_attack_047_token_with_another_tenants_id_is_rejected(till, other_shop, problem):
    assert assert_token_refused(sign_token(build_claims(till, tid=str(other_shop.pk))), problem)


def test_token_with_another_users_session_is_rejected(till, manager, client_of, problem):
    assert assert_token_refused(
        sign_token(build_claims(till, sid=str(client_of(manager).session.pk))), problem
    )


def test_role_claim_is_ignored(till, problem):
    token = sign_token(build_claims(till, role="admin", is_superuser=True))

    assert Api(token).get("auth/me/").json()["role"] == "cashier"
    problem(Api(token).get("users/"), 403, "permission_denied")


# --- token types -------------------------------------------------------------------------------


def test_attack_045_access_and_refresh_tokens_are_not_interchangeable(till, problem):
    assert assert_token_refused(till.tokens.refresh, problem)
    problem(
        Api().post("auth/token/refresh/", {"refresh": till.tokens.access}), 401, "token_not_valid"
    )


def test_refresh_token_with_the_api_audience_is_rejected(till, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})

    assert assert_token_refused(sign_token(refresh | {"aud": "till-api"}), problem)
    assert assert_token_refused(sign_token(refresh | {"aud": "till-api"}, typ=REFRESH), problem)


@pytest.mark.parametrize("claim", ["sid", "sub", "tid", "jti", "exp", "iss", "aud"])
def test_refresh_token_with_a_missing_claim_is_rejected(claim, till, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})
    del refresh[claim]

    response = Api().post("auth/token/refresh/", {"refresh": sign_token(refresh, typ=REFRESH)})

    problem(response, 401, "token_not_valid")
    with across_tenants():
        assert AuthSession.objects.get(pk=till.session.pk).revoked_at is None


def test_refresh_token_with_another_users_id_is_rejected(till, manager, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})
    forged = sign_token(refresh | {"sub": str(manager.pk)}, typ=REFRESH)

    problem(Api().post("auth/token/refresh/", {"refresh": forged}), 401, "token_not_valid")


# --- state of session, user and shop -----------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"idle_expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_tokens_of_an_ended_session_are_rejected(change, till, problem):
    with across_tenants():
        AuthSession.objects.update(**change)

    assert assert_token_refused(till.tokens.access, problem)


@pytest.mark.parametrize("change", [{"is_active": False}, {"token_version": 2}], ids=str)
def test_tokens_of_a_deactivated_or_changed_user_are_rejected(change, till, cashier, problem):
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(**change)

    assert assert_token_refused(till.tokens.access, problem)


def test_tokens_of_a_suspended_shop_are_rejected(till, shop, problem):
    shop.is_active = False
    shop.save()

    assert assert_token_refused(till.tokens.access, problem)


def test_refresh_token_expires_with_its_session(cashier):
    session = AuthSessionFactory(user=cashier)
    ends = session.last_used_at + timedelta(hours=1)
    session.idle_expires_at, session.expires_at = ends + timedelta(hours=1), ends

    claims = read_refresh(issue_pair(session).refresh)

    assert int(claims.expires_at.timestamp()) == int(ends.timestamp())
