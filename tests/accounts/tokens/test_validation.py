"""Which tokens are believed: those that we signed, of a session that still holds."""

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


def test_the_forged_ones_below_differ_from_a_good_one_in_one_thing_only(till):
    assert Api(sign_token(build_claims(till))).get("auth/me/").status_code == 200


# --- signatures -------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 1, ["HS256"]])
def test_attack_038_without_a_signature_there_is_no_token(algorithm, till, problem):
    header = read_header(till.tokens.access) | {"alg": algorithm}

    assert assert_token_refused(raw(header, build_claims(till)), problem)


def test_attack_038_an_empty_signature_is_none(till, problem):
    header, payload, _ = till.tokens.access.split(".")

    assert assert_token_refused(f"{header}.{payload}.", problem)


def test_another_key_signs_nothing(till, problem):
    assert assert_token_refused(sign_token(build_claims(till), OTHER_KEY), problem)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_our_key_signs_nothing(algorithm, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), algorithm=algorithm), problem)


def test_claims_cannot_be_exchanged_under_a_signature(till, manager, client_of, problem):
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
def test_attack_041_042_a_token_does_not_choose_its_own_key(headers, key, till, problem):
    """Nor does it bring one, nor say anything else of how to read it."""
    assert assert_token_refused(sign_token(build_claims(till), key, **headers), problem)


@pytest.mark.parametrize("typ", [None, "", "JWT", "jwt", "AT+JWT", REFRESH, "apr+jwt", 5, [ACCESS]])
def test_a_token_says_of_which_kind_it_is(typ, till, problem):
    assert assert_token_refused(sign_token(build_claims(till), typ=typ), problem)


# --- claims, signed by us ---------------------------------------------------------------------


@pytest.mark.parametrize("claim", ["sid", "sub", "tid", "jti", "exp", "iss", "aud", "token_type"])
def test_attack_044_048_each_claim_is_needed(claim, till, problem):
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
def test_attack_044_048_each_claim_is_what_it_must_be(claim, value, till, problem):
    assert assert_token_refused(sign_token(build_claims(till, **{claim: value})), problem)


@pytest.mark.parametrize("claim", ["sid", "sub", "tid"])
def test_ids_that_nobody_has_open_nothing(claim, till, problem):
    assert assert_token_refused(
        sign_token(build_claims(till, **{claim: str(uuid.uuid4())})), problem
    )


def test_attack_047_another_persons_id_in_ones_own_session_opens_nothing(till, manager, problem):
    assert assert_token_refused(sign_token(build_claims(till, sub=str(manager.pk))), problem)


def test_attack_047_another_tenants_id_in_ones_own_session_opens_nothing(till, other_shop, problem):
    assert assert_token_refused(sign_token(build_claims(till, tid=str(other_shop.pk))), problem)


def test_another_persons_session_under_ones_own_name_opens_nothing(
    till, manager, client_of, problem
):
    assert assert_token_refused(
        sign_token(build_claims(till, sid=str(client_of(manager).session.pk))), problem
    )


def test_a_role_in_a_token_is_not_believed(till, problem):
    token = sign_token(build_claims(till, role="admin", is_superuser=True))

    assert Api(token).get("auth/me/").json()["role"] == "cashier"
    problem(Api(token).get("users/"), 403, "permission_denied")


# --- kinds ------------------------------------------------------------------------------------


def test_attack_045_neither_token_passes_for_the_other(till, problem):
    assert assert_token_refused(till.tokens.refresh, problem)
    problem(
        Api().post("auth/token/refresh/", {"refresh": till.tokens.access}), 401, "token_not_valid"
    )


def test_nor_with_the_audience_of_the_other(till, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})

    assert assert_token_refused(sign_token(refresh | {"aud": "till-api"}), problem)
    assert assert_token_refused(sign_token(refresh | {"aud": "till-api"}, typ=REFRESH), problem)


@pytest.mark.parametrize("claim", ["sid", "sub", "tid", "jti", "exp", "iss", "aud"])
def test_each_claim_of_a_refresh_token_is_needed(claim, till, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})
    del refresh[claim]

    response = Api().post("auth/token/refresh/", {"refresh": sign_token(refresh, typ=REFRESH)})

    problem(response, 401, "token_not_valid")
    with across_tenants():
        assert AuthSession.objects.get(pk=till.session.pk).revoked_at is None


def test_a_refresh_token_in_somebody_elses_name_buys_nothing(till, manager, problem):
    refresh = jwt.decode(till.tokens.refresh, options={"verify_signature": False})
    forged = sign_token(refresh | {"sub": str(manager.pk)}, typ=REFRESH)

    problem(Api().post("auth/token/refresh/", {"refresh": forged}), 401, "token_not_valid")


# --- what must hold at this moment ------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"revoked_at": timezone.now()},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"idle_expires_at": timezone.now() - timedelta(seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_ended_session_ends_its_tokens(change, till, problem):
    with across_tenants():
        AuthSession.objects.update(**change)

    assert assert_token_refused(till.tokens.access, problem)


@pytest.mark.parametrize("change", [{"is_active": False}, {"token_version": 2}], ids=str)
def test_a_change_of_the_person_ends_the_token(change, till, cashier, problem):
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(**change)

    assert assert_token_refused(till.tokens.access, problem)


def test_a_suspended_shop_ends_every_token(till, shop, problem):
    shop.is_active = False
    shop.save()

    assert assert_token_refused(till.tokens.access, problem)


def test_a_refresh_token_lasts_no_longer_than_its_session(cashier):
    session = AuthSessionFactory(user=cashier)
    ends = session.last_used_at + timedelta(hours=1)
    session.idle_expires_at, session.expires_at = ends + timedelta(hours=1), ends

    claims = read_refresh(issue_pair(session).refresh)

    assert int(claims.expires_at.timestamp()) == int(ends.timestamp())
