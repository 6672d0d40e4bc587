"""Attacks 3 and 5: every refused log-in takes as much work, with the hasher of production.

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
    """Whose password was hashed as in production, with a pepper and without."""
    peppered = request.param == "peppered"
    settings.PASSWORD_PEPPERS = {1: PEPPER} if peppered else {}
    first = ["accounts.security.hashers.PepperedArgon2PasswordHasher"] if peppered else []
    settings.PASSWORD_HASHERS = [*first, *PASSWORD_HASHERS]
    cashier.password = make_password(PASSWORD)
    cashier.save()
    return cashier


@pytest.fixture
def spent(monkeypatch):
    """The memory and the passes of each Argon2 that runs."""
    work = []
    encode, verify = LeanArgon2PasswordHasher.encode, LeanArgon2PasswordHasher.verify
    spend = hashers.run_argon2

    def note_encode(self, password, salt):
        work.append((self.memory_cost, self.time_cost))
        return encode(self, password, salt)

    def note_verify(self, password, encoded):
        cost = LeanArgon2PasswordHasher().decode(plain(encoded))
        work.append((cost["memory_cost"], cost["time_cost"]))
        return verify(self, password, encoded)

    def note_spend(password, *, memory, passes):
        work.append((memory, passes))
        return spend(password, memory=memory, passes=passes)

    monkeypatch.setattr(LeanArgon2PasswordHasher, "encode", note_encode)
    monkeypatch.setattr(LeanArgon2PasswordHasher, "verify", note_verify)
    monkeypatch.setattr(hashers, "run_argon2", note_spend)
    return work


def plain(encoded):
    return encoded.replace("argon2pep", "argon2")


def statements_of(api, body):
    with CaptureQueriesContext(connection) as queries:
        assert api.post(LOG_IN, body).status_code == 401
    verbs = [each["sql"] for each in queries if not TRANSACTIONAL.match(each["sql"])]
    return [shape(sql) for sql in verbs]


def shape(sql):
    """The verb and the tables, in their order: not the values, which differ."""
    return " ".join(word for word in sql.split() if word.isupper() or word.startswith('"'))[:60]


@pytest.mark.parametrize("why", REASONS, ids=lambda why: why.__name__)
def test_attack_003_every_reason_takes_one_hash_and_the_same_statements(
    why, anonymous, shop, cashier, spent, clock
):
    expected = statements_of(anonymous, wrong_password(shop, cashier))
    body = why(shop, cashier)
    hashed = list(spent)
    spent.clear()

    found = statements_of(anonymous, body)

    assert hashed == [(19456, 2)]
    assert spent == hashed
    assert len(found) == len(expected) == 7
    assert [each.split()[0] for each in found] == [each.split()[0] for each in expected]


@pytest.mark.parametrize(
    ("memory", "passes"), [(19456, 1), (9728, 2), (8192, 2), (4096, 3), (19456 * 2, 1)]
)
def test_attack_005_a_hash_of_former_parameters_is_as_much_work_as_a_new_one(
    memory, passes, anonymous, cashier, spent, monkeypatch, clock
):
    with monkeypatch.context() as former:
        former.setattr(LeanArgon2PasswordHasher, "memory_cost", memory)
        former.setattr(LeanArgon2PasswordHasher, "time_cost", passes)
        cashier.password = make_password(PASSWORD)
    cashier.save()
    spent.clear()

    assert anonymous.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    total = sum(memory * passes for memory, passes in spent)
    assert abs(total - 19456 * 2) <= 2


def test_a_hash_of_costlier_parameters_takes_no_more_on_top(cashier, spent):
    encoded = LeanArgon2PasswordHasher().encode(PASSWORD, "salt" * 6)
    spent.clear()

    costlier = encoded.replace("m=19456,t=2", "m=102400,t=2")
    LeanArgon2PasswordHasher().harden_runtime("wrong", costlier)

    assert spent == []


def test_another_pepper_is_no_other_work(anonymous, cashier, settings, spent, clock):
    """Its hash costs what a new one costs: only the secret differs."""
    peppered = "accounts.security.hashers.PepperedArgon2PasswordHasher"
    settings.PASSWORD_HASHERS = [peppered, *PASSWORD_HASHERS]
    settings.PASSWORD_PEPPERS = {1: PEPPER, 2: PEPPER[::-1]}
    spent.clear()

    assert anonymous.post(LOG_IN, build_credentials(password="wrong")).status_code == 401

    assert spent == [(19456, 2)]
