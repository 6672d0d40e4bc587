"""Build forged tokens."""

import base64
import hmac
import json

import jwt
from django.conf import settings

from tests.support.api import Api

ACCESS, REFRESH = "at+jwt", "rt+jwt"


def build_claims(till, **changes):
    """Return the claims of the client's access token with changes; None removes a claim."""
    claims = jwt.decode(till.tokens.access, options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


def sign_token(claims, key=None, algorithm=None, **headers):
    """Sign claims, also those that PyJWT rejects, such as an issuer that is not text.

    By default with the active key and its id; None removes a header.
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
    """Compute HMAC without PyJWT, which rejects short secrets and public keys."""
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
