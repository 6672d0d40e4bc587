"""Key rings for tests of tokens."""

import json

from accounts.security.keys import KeyRing, generate_key_material


def build_key_entry(kid, status, alg="HS256", /, **changes):
    """Build a new key entry of JWT_KEYS; None removes a member."""
    whole = {"kid": kid, "alg": alg, "status": status} | generate_key_material(alg) | changes
    return {name: value for name, value in whole.items() if value is not None}


def build_key_ring(*entries):
    return KeyRing.read(json.dumps(list(entries)))


def statuses(keys):
    return {key.kid: str(key.status) for key in keys.keys}
