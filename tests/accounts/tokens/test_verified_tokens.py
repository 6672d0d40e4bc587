"""The signature of an access token is verified once in a process, everything else each time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone

from accounts.exceptions import TokenNotValid
from accounts.models import AuthSession
from accounts.security import tokens
from accounts.security.tokens import (
    KeyRingBackend,
    VerifiedToken,
    VerifiedTokens,
    read_access,
    read_refresh,
)
from tenants.scope import across_tenants
from tests.support.forged_tokens import assert_token_refused, build_claims, sign_token
from tests.support.key_rings import build_key_entry, build_key_ring
from tests.support.token_refresh import is_accepted

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_verified(monkeypatch):
    """Start without verified tokens, like a new process."""
    monkeypatch.setattr(tokens, "verified_tokens", VerifiedTokens())


@pytest.fixture
def verifications(monkeypatch):
    """Record the tokens whose signature is verified."""
    seen = []
    get_verifying_key = KeyRingBackend.get_verifying_key

    def record(backend, token):
        seen.append(str(token))
        return get_verifying_key(backend, token)

    monkeypatch.setattr(KeyRingBackend, "get_verifying_key", record)
    return seen


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


def test_signature_is_verified_once(till, verifications):
    token = till.tokens.access

    assert [is_accepted(token) for _ in range(3)] == [True] * 3
    assert verifications == [token]


def test_claims_of_a_verified_token_are_the_same(till):
    token = till.tokens.access

    assert read_access(token) == read_access(token)


def test_rejected_tokens_are_verified_each_time(till, verifications, problem):
    token = sign_token(build_claims(till), b"another key, of which nobody has ever heard before")

    for _ in range(3):
        with pytest.raises(TokenNotValid):
            read_access(token)

    assert verifications == [token] * 3
    assert not tokens.verified_tokens.tokens


@pytest.mark.parametrize("place", [0, 1, 2], ids=["header", "claims", "signature"])
def test_changed_copy_of_a_verified_token_is_rejected(till, place, problem):
    assert is_accepted(till.tokens.access)
    parts = till.tokens.access.split(".")
    middle = len(parts[place]) // 2
    letter = "A" if parts[place][middle] != "A" else "B"
    parts[place] = parts[place][:middle] + letter + parts[place][middle + 1 :]

    assert assert_token_refused(".".join(parts), problem)


def test_expiry_is_checked_each_time(till, problem):
    token, expires_at = till.tokens.access, read_access(till.tokens.access).expires_at
    leeway = timedelta(seconds=django_settings.SIMPLE_JWT["LEEWAY"])

    with time_machine.travel(expires_at + leeway - timedelta(seconds=1), tick=False):
        assert is_accepted(token)
    with time_machine.travel(expires_at + leeway, tick=False):
        assert assert_token_refused(token, problem)


def test_session_is_read_each_time(till, problem):
    token = till.tokens.access
    assert is_accepted(token)

    with across_tenants():
        AuthSession.objects.filter(pk=till.session.pk).update(revoked_at=timezone.now())

    assert assert_token_refused(token, problem)


def test_user_is_read_each_time(till, cashier, problem):
    assert is_accepted(till.tokens.access)

    cashier.token_version += 1
    cashier.save()

    assert assert_token_refused(till.tokens.access, problem)


@pytest.mark.parametrize(
    ("status", "accepted"), [("verify", True), ("retired", False), (None, False)]
)
def test_change_of_the_key_ring_discards_all_verified_tokens(
    settings, status, accepted, cashier, client_of, verifications
):
    old = build_key_entry("old", "active", "HS256")
    settings.JWT_KEYS = build_key_ring(old)
    token = client_of(cashier).tokens.access
    assert is_accepted(token)

    kept = [old | {"status": status}] if status else []
    settings.JWT_KEYS = build_key_ring(*kept, build_key_entry("new", "active", "HS256"))

    assert is_accepted(token) == accepted
    assert verifications == [token, token]


def test_refresh_tokens_are_verified_each_time(till, verifications):
    for _ in range(2):
        read_refresh(till.tokens.refresh)

    assert verifications == [till.tokens.refresh] * 2
    assert not tokens.verified_tokens.tokens


def remember(kept, number, ring):
    digest = str(number).encode()
    kept.add(digest, ring, VerifiedToken(number, since=100.0, until=200.0))


def find(kept, number, ring, at=150.0):
    return kept.find(str(number).encode(), ring, at)


@pytest.mark.parametrize(
    ("at", "found"), [(99.9, None), (100.0, 1), (199.9, 1), (200.0, None)], ids=str
)
def test_token_is_verified_again_outside_of_its_validity(at, found):
    """A time before the first verification means that the clock was set back."""
    kept, ring = VerifiedTokens(), SimpleNamespace()
    remember(kept, 1, ring)

    assert find(kept, 1, ring, at) == found


def test_least_recently_used_tokens_are_discarded():
    kept, ring = VerifiedTokens(), SimpleNamespace()
    kept.max_tokens = 3
    for number in (1, 2, 3):
        remember(kept, number, ring)
    find(kept, 1, ring)
    remember(kept, 4, ring)

    assert [*kept.tokens] == [b"3", b"1", b"4"]
    assert find(kept, 2, ring) is None


def test_another_key_ring_discards_all_verified_tokens():
    kept, first, second = VerifiedTokens(), SimpleNamespace(), SimpleNamespace()
    remember(kept, 1, first)

    assert find(kept, 1, second) is None
    remember(kept, 2, second)
    assert [*kept.tokens] == [b"2"]
    assert find(kept, 1, first) is None


def test_digests_are_stored_instead_of_tokens(till):
    read_access(till.tokens.access)

    (digest,) = tokens.verified_tokens.tokens
    assert len(digest) == 32
    assert till.tokens.access not in repr(tokens.verified_tokens.__dict__)


def test_threads_share_the_verified_tokens():
    kept, ring = VerifiedTokens(), SimpleNamespace()
    kept.max_tokens = 50

    def use(number):
        remember(kept, number % 80, ring)
        return find(kept, number % 80, ring) in {number % 80, None}

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(4_000)))
    assert len(kept.tokens) == 50
