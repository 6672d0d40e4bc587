"""The key ring of signing keys: contents, validation and rotation."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.security.keys import InvalidKeyRing, Key, KeyRing, Status, write_private_key
from tests.support.key_rings import build_key_entry, build_key_ring, statuses

SECRET = "a-shared-secret-of-the-tests-that-protects-nothing"
# Public keys in PEM that are not Ed25519: NIST P-256 and random bytes.
P256 = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n"
    "60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
    "-----END PUBLIC KEY-----\n"
)
NONSENSE = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"


# Key pair of RFC 8410, section 10.
RAW = bytes.fromhex("d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842")
PRIVATE = (
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
    "-----END PRIVATE KEY-----\n"
)
PUBLIC = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
    "-----END PUBLIC KEY-----\n"
)


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_written_key_ring_is_read_back_unchanged(alg):
    keys = build_key_ring(
        build_key_entry("old", "verify", alg),
        build_key_entry("now", "active", alg),
        build_key_entry("new", "verify", alg),
    )

    assert keys.algorithm == alg
    assert keys.active.kid == "now"
    assert keys.verifying_keys.keys() == {"old", "now", "new"}
    assert statuses(KeyRing.read(keys.write())) == statuses(keys)
    assert KeyRing.read(keys.write()).write() == keys.write()


def test_retired_key_does_not_verify():
    gone = {"kid": "gone", "alg": "HS256", "status": "retired"}

    assert build_key_ring(gone, build_key_entry("now", "active")).verifying_keys.keys() == {"now"}


def test_single_secret_makes_a_key_ring_with_a_stable_key_id():
    one, again, other = (KeyRing.from_secret(text) for text in (SECRET, SECRET, SECRET + "!"))

    assert one.active.kid == again.active.kid != other.active.kid
    assert len(one.active.kid) == 16
    assert one.active.kid not in SECRET


def test_verifying_keys_cannot_sign():
    keys = build_key_ring(build_key_entry("now", "active", "EdDSA"))

    assert hasattr(keys.signing_key, "sign")
    assert not hasattr(keys.verifying_keys["now"], "sign")


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([], "there is no key"),
        ([build_key_entry("a", "verify")], "one key must be active, and 0 are"),
        (
            [build_key_entry("a", "active"), build_key_entry("b", "active")],
            "one key must be active, and 2 are",
        ),
        (
            [build_key_entry("a", "active"), build_key_entry("a", "verify")],
            "two keys have the same kid",
        ),
        (
            [build_key_entry("a", "active"), {"kid": "a", "alg": "HS256", "status": "retired"}],
            "the same kid",
        ),
        (
            [build_key_entry("a", "active"), build_key_entry("b", "verify", "EdDSA")],
            "several algorithms",
        ),
        ([build_key_entry("a", "active", kid=None)], "key 1 needs a kid"),
        ([build_key_entry("a", "active", kid="")], "key 1 needs a kid"),
        ([build_key_entry("a", "active", kid="../key")], "key 1 needs a kid"),
        ([build_key_entry("a", "active", kid="k" * 65)], "key 1 needs a kid"),
        ([build_key_entry("a", "active", kid=5)], "key 1 is not all text"),
        ([build_key_entry("a", "active", secret=["x" * 64])], "key 1 is not all text"),
        ([build_key_entry("a", "active", path="/key.pem")], "key 1 has members other than"),
        (["a"], "key 1 is not an object"),
        ([build_key_entry("a", "active"), None], "key 2 is not an object"),
        ([build_key_entry("a", None)], "a: status must be one of active, verify, retired"),
        ([build_key_entry("a", "Active")], "a: status must be one of"),
        ([build_key_entry("a", "active") | {"alg": "none"}], "a: alg must be HS256 or EdDSA"),
        ([build_key_entry("a", "active") | {"alg": "RS256"}], "a: alg must be HS256 or EdDSA"),
        ([build_key_entry("a", "active", secret=None)], "a: its secret must have 32"),
        ([build_key_entry("a", "active", secret="x" * 31)], "a: its secret must have 32"),
        (
            [build_key_entry("a", "active"), build_key_entry("b", "verify", secret="short")],
            "b: its secret must",
        ),
        ([build_key_entry("a", "active", public=P256)], "a: HS256 has a secret, no private"),
        (
            [build_key_entry("a", "active", "EdDSA", secret=SECRET)],
            "a: EdDSA has a private and a public",
        ),
        (
            [build_key_entry("a", "active", "EdDSA", private=None)],
            "a: to be active it needs its key",
        ),
        (
            [build_key_entry("a", "verify", "EdDSA", private=None)],
            "a: to be verify it needs its key",
        ),
        (
            [build_key_entry("a", "active", "EdDSA", private=SECRET)],
            "a: its private key is not an Ed25519",
        ),
        (
            [build_key_entry("a", "active", "EdDSA", public=P256)],
            "a: its public key is not an Ed25519",
        ),
        (
            [build_key_entry("a", "active", "EdDSA", public=NONSENSE)],
            "a: its public key is not an Ed25519",
        ),
        ([build_key_entry("a", "active", "EdDSA", public=PUBLIC)], "not that of its private"),
        ([build_key_entry("a", "active", "EdDSA", private=PUBLIC)], "not an Ed25519 private"),
        (
            [build_key_entry("a", "verify", "EdDSA", private=None, public=PRIVATE)],
            "an Ed25519 public",
        ),
    ],
)
def test_invalid_key_ring_is_rejected_without_showing_secrets(entries, why):
    with pytest.raises(InvalidKeyRing, match=why) as refusal:
        build_key_ring(*entries)

    message = str(refusal.value)
    assert refusal.value.__cause__ is None
    assert not any(
        text in message
        for each in entries
        if isinstance(each, dict)
        for name in ("secret", "private", "public")
        if isinstance(text := each.get(name), str) and text
    )


@pytest.mark.parametrize("text", ["", "x", "[", "{}", '"x"', "null", "5", SECRET])
def test_key_ring_must_be_a_json_list(text):
    with pytest.raises(InvalidKeyRing) as refusal:
        KeyRing.read(text)

    assert SECRET not in str(refusal.value)


def test_repr_of_a_key_ring_shows_no_secret():
    keys = build_key_ring(build_key_entry("now", "active"))

    for shown in (repr(keys), str(keys), repr(keys.active)):
        assert keys.active.secret not in shown
    assert repr(keys) == "<KeyRing now active>"


# --- rotation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["HS256", "EdDSA"])
def test_rotation_adds_activates_and_retires_keys(alg):
    first = KeyRing.generate("old", alg)

    added = first.with_new_key("new")
    activated = added.activate_newest()
    retired = activated.retire_former()

    assert statuses(added) == {"old": "active", "new": "verify"}
    assert statuses(activated) == {"old": "verify", "new": "active"}
    assert statuses(retired) == {"old": "retired", "new": "active"}
    assert retired.verifying_keys.keys() == {"new"}
    for each in (added, activated, retired):
        assert KeyRing.read(each.write()).write() == each.write()


def test_former_key_loses_its_private_part_and_retired_key_all_parts():
    activated = KeyRing.generate("old", "EdDSA").with_new_key("new").activate_newest()

    old, new = json.loads(activated.write())
    gone, _ = json.loads(activated.retire_former().write())

    assert old.keys() == {"kid", "alg", "status", "public"}
    assert new.keys() == {"kid", "alg", "status", "private"}
    assert gone.keys() == {"kid", "alg", "status"}


def test_newest_of_several_waiting_keys_is_activated():
    keys = KeyRing.generate("one", "HS256").with_new_key("two").with_new_key("three")

    activated = keys.activate_newest()

    assert statuses(activated) == {"one": "verify", "two": "verify", "three": "active"}
    assert statuses(activated.with_new_key("four").retire_former()) == {
        "one": "retired",
        "two": "retired",
        "three": "active",
        "four": "verify",
    }


def test_key_without_private_part_cannot_be_activated():
    borrowed = build_key_entry("theirs", "verify", "EdDSA", private=None, public=PUBLIC)

    with pytest.raises(InvalidKeyRing, match="no new key is waiting"):
        build_key_ring(build_key_entry("now", "active", "EdDSA"), borrowed).activate_newest()


def test_activating_or_retiring_without_a_candidate_fails():
    alone = KeyRing.generate("one", "HS256")

    with pytest.raises(InvalidKeyRing, match="no new key is waiting"):
        alone.activate_newest()
    with pytest.raises(InvalidKeyRing, match="no key is left to retire"):
        alone.with_new_key("two").retire_former()
    with pytest.raises(InvalidKeyRing, match="no new key is waiting"):
        alone.with_new_key("two").activate_newest().activate_newest()


def test_keys_are_written_as_standard_pem():
    former = Key("k", "EdDSA", Status.ACTIVE, private=PRIVATE).with_status(Status.VERIFY)

    assert write_private_key(Ed25519PrivateKey.from_private_bytes(RAW)) == PRIVATE
    assert former.public == PUBLIC
