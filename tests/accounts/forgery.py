"""Makes tokens that nobody should believe."""

import base64
import json

import jwt
from django.conf import settings

from tests.api import Api

KEY = settings.SIMPLE_JWT["SIGNING_KEY"]


def claims_of(till, **changes):
    """The claims of the till's access token, changed; None leaves one out."""
    claims = jwt.decode(till.tokens.access, options={"verify_signature": False}) | changes
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims, key=KEY, algorithm="HS256", **headers):
    """Also what PyJWT itself would not sign, such as an issuer that is no text."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm, headers)


def raw(header, payload, signature=""):
    parts = (json.dumps(part).encode() for part in (header, payload))
    encoded = [base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, signature])


def is_refused(token, problem):
    problem(Api(token).get("auth/me/"), 401, "token_not_valid")
    problem(Api().post("auth/token/verify/", {"token": token}), 401, "token_not_valid")
    return True
