"""The Authorization header: the scheme Bearer with exactly one token."""

import base64
import re
import time
import uuid
from contextlib import suppress

import pytest
from django.db.models import F
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from accounts.exceptions import TokenNotValid
from accounts.models import User
from accounts.security.tokens import read_access, read_refresh
from tenants.scope import across_tenants
from tests.support.api import Api
from tests.support.discovery import routes
from tests.support.forged_tokens import ACCESS, REFRESH, sign_token

pytestmark = pytest.mark.once

ME = "auth/me/"


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_attack_036_scheme_ignores_case(scheme, till):
    response = Api(Authorization=f"{scheme} {till.tokens.access}").get(ME)

    assert response.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer {access} {access}",
        "Bearer {access}, Bearer {access}",
        "{access}",
        "Basic YzE6c2V2ZW4=",
        "Token {access}",
        "Bearer\t{access}",
        "Bearer \u00e9",
        "",
        " ",
        "Bearer " + "x" * 100_000,
    ],
)
def test_attack_036_invalid_header_is_rejected_instead_of_anonymous(header, till, problem):
    """Also at endpoints that allow anonymous access."""
    api = Api(Authorization=header.format(access=till.tokens.access))

    response = api.get(ME)

    problem(response, 401, "token_not_valid")
    assert response["WWW-Authenticate"] == "Bearer"


def test_token_in_query_or_cookie_is_ignored(till, problem):
    bare = Api()

    problem(bare.get(ME, {"access": till.tokens.access}), 401, "not_authenticated")
    bare.client.cookies["access"] = till.tokens.access
    problem(bare.get(ME), 401, "not_authenticated")


def test_admin_session_cookie_is_not_accepted_by_the_api(cashier, problem):
    bare = Api()
    bare.client.force_login(cashier)

    problem(bare.get(ME), 401, "not_authenticated")


@pytest.mark.parametrize("name", ["green", "GREEN", "id"])
def test_header_with_the_tokens_own_tenant_is_accepted(name, till, shop):
    header = str(shop.pk) if name == "id" else name

    assert till.get(ME, X_Tenant_ID=header).status_code == 200


@pytest.mark.parametrize("path", ["auth/me/", "users/", "stores/", "products/", "tenant/"])
def test_attack_056_request_for_another_shop_is_rejected(
    path, admin, other_shop, client_of, problem
):
    for name in (other_shop.slug, str(other_shop.pk), "no-such-shop"):
        problem(client_of(admin).get(path, X_Tenant_ID=name), 403, "tenant_mismatch")


# --- malformed tokens --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part", ["[" * 50_000, '{"a":' * 20_000, "1" * 10_000, '"\\ud800"', "null", "[]", "\u00e9"]
)
def test_oversized_or_nested_token_is_rejected(part, problem):
    encoded = base64.urlsafe_b64encode(part.encode()).rstrip(b"=").decode()

    for token in (f"{encoded}.{encoded}.x", f"eyJhbGciOiJIUzI1NiJ9.{encoded}.x"):
        problem(Api(token).get(ME), 401, "token_not_valid")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
CLAIMS = ["sid", "sub", "tid", "jti", "exp", "iat", "nbf", "iss", "aud", "tv", "token_type"]
GOOD = {
    "sid": str(uuid.uuid4()),
    "sub": str(uuid.uuid4()),
    "tid": str(uuid.uuid4()),
    "jti": str(uuid.uuid4()),
    "iss": "till",
    "tv": 1,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read", "audience", "kind", "typ"),
    [
        (read_access, "till-api", "access", ACCESS),
        (read_refresh, "till-auth", "refresh", REFRESH),
    ],
)
@given(claim=st.sampled_from(CLAIMS), value=json_values)
@examples(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_signed_token_with_any_claim_value_is_read_or_rejected(
    read, audience, kind, typ, claim, value
):
    good = GOOD | {"aud": audience, "token_type": kind, "exp": int(time.time()) + 60}
    token = sign_token(good | {claim: value}, typ=typ)

    with suppress(TokenNotValid):
        assert read(token).session


@pytest.mark.parametrize("year", [10**9, 10**12])
def test_expiry_beyond_the_supported_range_is_rejected(year):
    good = GOOD | {"aud": "till-api", "token_type": "access", "exp": year * 31_556_952}

    with pytest.raises(TokenNotValid):
        read_access(sign_token(good))


@given(text=st.text(max_size=200))
@examples(max_examples=200, deadline=None)
def test_arbitrary_text_is_rejected_as_token(text):
    with pytest.raises(TokenNotValid):
        read_access(text)


# --- verify -----------------------------------------------------------------------------------


def test_verify_returns_user_and_tenant_of_a_token(till, anonymous, cashier, shop):
    response = anonymous.post("auth/token/verify/", {"token": till.tokens.access})

    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() == {"active", "user", "tenant", "expires_at"}
    assert answer["active"] is True
    assert (answer["user"]["id"], answer["tenant"]["id"]) == (str(cashier.pk), str(shop.pk))
    assert answer["expires_at"].endswith("Z")


# --- every route -------------------------------------------------------------------------------


OPEN = {"home", "schema", "docs", "live", "ready", "jwks"}
OPEN |= {"signup", "token", "token-refresh", "token-verify", "revoke"}
# It has a token of its own.
OPEN |= {"metrics"}
# The page of the register, without data of any shop, and the use of a pairing code.
OPEN |= {"till", "till-worker", "till-manifest", "pair"}
# Shown by browsers, which send no token for a picture; the code cannot be guessed.
OPEN |= {"image", "image-thumbnail"}
# Signed by the payment provider.
OPEN |= {"payment-events"}
# These need the token of a paired terminal instead.
AT_TERMINALS = {"pin", "pin-users"}
PROTECTED_ROUTES = [
    (method.upper(), "/" + re.sub(r"<\w+:\w+>", str(uuid.uuid4()), route.path))
    for route in routes()
    for method in route.methods
    if route.name not in OPEN | AT_TERMINALS
]


def test_protected_routes_are_found():
    assert len(PROTECTED_ROUTES) > 40
    assert not any("<" in path for _, path in PROTECTED_ROUTES)


@pytest.mark.parametrize("header", [None, "Basic YzE6eA==", "Bearer x", "Token x"])
def test_attack_035_every_protected_route_needs_a_token(header, problem, db):
    headers = {"Authorization": header} if header else {}
    for method, path in PROTECTED_ROUTES:
        response = Api().client.generic(method, path, "{}", "application/json", headers=headers)

        problem(response, 401, "token_not_valid" if header else "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Bearer"), path


def test_token_with_an_old_user_version_is_rejected(till, problem):
    """Also if the session itself was not ended by mistake."""
    with across_tenants():
        User.objects.filter(pk=till.user.pk).update(token_version=F("token_version") + 1)

    problem(till.get(ME), 401, "token_not_valid")
