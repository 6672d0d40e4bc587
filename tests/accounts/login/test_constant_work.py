"""Attacks 3 and 5: every refused log-in does the same work, with the production hasher.

Time itself is not asserted here; `python -m tests.tools.bench.timing` measures it.
"""

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.security import hashers
from accounts.security.hashers import LeanArgon2PasswordHasher
from config.settings import PASSWORD_HASHERS
from tests.accounts.login.test_refusals import (
    inactive_tenant,
    inactive_user,
    unknown_tenant,
    unknown_tenant_id,
    unknown_user,
    unusable_password,
    wrong_password,
)
from tests.factories.accounts import PASSWORD
from tests.support.statements import TRANSACTIONAL
from tests.support.users import LOG_IN, build_credentials

pytestmark = pytest.mark.once

REASONS = [
    unknown_user,
    unknown_tenant,
    unknown_tenant_id,
    inactive_user,
    inactive_tenant,
    unusable_password,
]
PEPPER = "a pepper of the right length for tests"


@pytest.fixture(params=["plain", "peppered"])
def cashier(request, cashier, settings):
    """Return the cashier with a password hashed as in production, with and without a pepper."""
    peppered = request.param == "peppered"
    settings.PASSWORD_PEPPERS = {1: PEPPER} if peppered else {}
    first = ["accounts.security.hashers.PepperedArgon2PasswordHasher"] if peppered else []
    settings.PASSWORD_HASHERS = [*first, *PASSWORD_HASHERS]
    cashier.password = make_password(PASSWORD)
    cashier.save()
    return cashier


@pytest.fixture
def argon2_runs(monkeypatch):
    """Record memory and passes of each Argon2 run."""
    work = []
    encode, verify = LeanArgon2PasswordHasher.encode, LeanArgon2PasswordHasher.verify
    spend = hashers.run_argon2

    def record_encode(self, password, salt):
        work.append((self.memory_cost, self.time_cost))
        return encode(self, password, salt)

    def record_verify(self, password, encoded):
        cost = LeanArgon2PasswordHasher().decode(plain(encoded))
        work.append((cost["memory_cost"], cost["time_cost"]))
        return verify(self, password, encoded)

    def record_run(password, *, memory, passes):
        work.append((memory, passes))
        return spend(password, memory=memory, passes=passes)

    monkeypatch.setattr(LeanArgon2PasswordHasher, "encode", record_encode)
    monkeypatch.setattr(LeanArgon2PasswordHasher, "verify", record_verify)
    monkeypatch.setattr(hashers, "run_argon2", record_run)
    return work


def plain(encoded):
    return encoded.replace("argon2pep", "argon2")


def list_statements(api, body):
    with CaptureQueriesContext(connection) as queries:
        assert api.post(LOG_IN, body).status_code == 401
    verbs = [each["sql"] for each in queries if not TRANSACTIONAL.match(each["sql"])]
    return [shape(sql) for sql in verbs]


def shape(sql):
    """Return the verb and the tables in order, without the values, which differ."""
    return " ".join(word for word in sql.split() if word.isupper() or word.startswith('"'))[:60]


@pytest.mark.parametrize("why", REASONS, ids=lambda why: why.__name__)
def test_attack_003_every_failure_takes_one_hash_and_the_same_statements(
    why, anonymous, shop, cashier, argon2_runs, clock
):
    expected = list_statements(anonymous, wrong_password(shop, cashier))
    body = why(shop, cashier)
    hashed = list(argon2_runs)
    argon2_runs.clear()

    found = list_statements(anonymous, body)

    assert hashed == [(19456, 2)]
    assert argon2_runs == hashed
    assert len(found) == len(expected) == 7
    assert [each.split()[0] for each in found] == [each.split()[0] for each in expected]


@pytest.mark.parametrize(
    ("memory", "passes"), [(19456, 1), (9728, 2), (8192, 2), (4096, 3), (19456 * 2, 1)]
)
def test_attack_005_hash_with_former_parameters_costs_as_much_as_a_new_one(
    memory, passes, anonymous, cashier, argon2_runs, monkeypatch, clock
):
    with monkeypatch.context() as former:
        former.setattr(LeanArgon2PasswordHasher, "memory_cost", memory)
        former.setattr(LeanArgon2PasswordHasher, "time_cost", passes)
        cashier.password = make_password(PASSWORD)
    cashier.save()
    argon2_runs.clear()

    assert anonymous.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    total = sum(memory * passes for memory, passes in argon2_runs)
    assert abs(total - 19456 * 2) <= 2


def test_hash_with_costlier_parameters_adds_no_work(cashier, argon2_runs):
    encoded = LeanArgon2PasswordHasher().encode(PASSWORD, "salt" * 6)
    argon2_runs.clear()

    costlier = encoded.replace("m=19456,t=2", "m=102400,t=2")
    LeanArgon2PasswordHasher().harden_runtime("wrong", costlier)

    assert argon2_runs == []


def test_another_pepper_costs_the_same_work(anonymous, cashier, settings, argon2_runs, clock):
    """Only the secret differs, so the hash costs as much as a new one."""
    peppered = "accounts.security.hashers.PepperedArgon2PasswordHasher"
    settings.PASSWORD_HASHERS = [peppered, *PASSWORD_HASHERS]
    settings.PASSWORD_PEPPERS = {1: PEPPER, 2: PEPPER[::-1]}
    argon2_runs.clear()

    assert anonymous.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    assert argon2_runs == [(19456, 2)]
