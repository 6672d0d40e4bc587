"""Makes tokens that nobody should believe."""

import base64
import hmac
import json

import jwt
from django.conf import settings

from tests.support.api import Api

ACCESS, REFRESH = "at+jwt", "rt+jwt"


def build_claims(till, **changes):
    """The claims of the till's access token, changed; None leaves one out."""
    claims = jwt.decode(till.tokens.access, options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


def sign_token(claims, key=None, algorithm=None, **headers):
    """Also what PyJWT itself would not sign, such as an issuer that is no text.

    With the active key and its name, if nothing else is said; None leaves a header out.
    """
    ring = settings.JWT_KEYS
    named = {"kid": ring.active.kid, "typ": ACCESS} | headers
    return sign_raw_token(claims, key or ring.signing_key, algorithm or ring.algorithm, named)


def sign_raw_token(claims, key, algorithm, headers):
    header = {"alg": algorithm} | {name: each for name, each in headers.items() if each is not None}
    unsigned = raw(header, claims).rstrip(".")
    signature = compute_signature(unsigned.encode(), key, algorithm)
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def compute_signature(message, key, algorithm):
    """By hand where that is easy: PyJWT signs with no short secret and with no public key."""
    if algorithm.startswith("HS"):
        key = key.encode() if isinstance(key, str) else key
        return hmac.digest(key, message, f"sha{algorithm[2:]}")
    return jwt.PyJWS().get_algorithm_by_name(algorithm).sign(message, key)


def raw(header, payload, signature=""):
    parts = (json.dumps(part).encode() for part in (header, payload))
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


def read_header(token):
    return jwt.get_unverified_header(token)


def assert_token_refused(token, problem):
    problem(Api(token).get("auth/me/"), 401, "token_not_valid")
    problem(Api().post("auth/token/verify/", {"token": token}), 401, "token_not_valid")
    return True
