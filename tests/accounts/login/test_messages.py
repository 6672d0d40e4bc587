"""Log-in on PostgreSQL: two messages before the hash and one after it, as step by step."""

import json
from itertools import count

import psycopg
import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.db import connection
from django.test import override_settings

from accounts.models import AuthSession, Pin, Terminal, Throttle, User
from accounts.security.rate_limits import policies, stores
from accounts.security.rate_limits.limiter import count_attempt
from accounts.security.rate_limits.stores import READ_ROWS, SWAP_ROWS, WITHOUT_WAITING
from accounts.services import login_lookup
from accounts.services.users import change_role, set_activation
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import SCOPE
from tenants.models import AuditEvent
from tenants.scope import across_tenants, tenant_context, tenant_scope
from tests.factories.accounts import TerminalFactory, UserFactory
from tests.factories.tenants import RegisterFactory, StoreFactory, TenantFactory
from tests.support.api import Api
from tests.support.parallel import run_concurrently, statuses
from tests.support.twin_shops import list_rows, normalize
from tests.support.users import LOG_IN, build_credentials, count_sessions, reload_user

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

HERE = "203.0.113.7"
addresses = count(1)


@pytest.fixture(autouse=True)
def trust_proxy(settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"NUM_PROXIES": 1}


@pytest.fixture(autouse=True)
def forget_tenants(monkeypatch):
    monkeypatch.setattr(login_lookup, "_last_ids", {})


def attempt(ip=HERE, **changes):
    terminal = {"X_Terminal_Token": changes.pop("terminal")} if "terminal" in changes else {}
    return Api().post(
        LOG_IN, build_credentials(**changes), X_Forwarded_For=ip, X_Request_ID="same", **terminal
    )


def list_events():
    with across_tenants():
        return sorted(AuditEvent.objects.values_list("event", flat=True))


def list_counts():
    return sorted(Throttle.objects.filter(count__gt=0).values_list("count", flat=True))


def count_in(bucket):
    return Throttle.objects.filter(pk=bucket.key).values_list("count", flat=True).first() or 0


# --- messages ---------------------------------------------------------------------------------


def test_login_takes_two_messages_before_the_hash_and_one_after_it(cashier, hashes, messages):
    assert attempt().status_code == 200
    hashes.restart()
    before_hash = []
    hashes.count_hash = lambda: before_hash.append(len(messages))
    messages.clear()

    assert attempt().status_code == 200

    assert before_hash == [2]
    looked_up, counted, opened = messages
    assert looked_up[-1] is READ_ROWS
    assert counted == [WITHOUT_WAITING, SWAP_ROWS]
    assert (opened[0], opened[-1]) == (SCOPE, SWAP_ROWS)


def test_login_sends_no_other_statement(cashier, statements):
    attempt()
    with statements(0):
        assert attempt().status_code == 200


def test_first_login_to_a_tenant_in_a_process_reads_the_counters_again(cashier, messages):
    assert attempt().status_code == 200

    assert [len(message) for message in messages[:2]] == [5, 1]
    assert len(messages) == 4


def test_rate_limited_login_takes_one_message_and_writes_nothing(cashier, clock, messages):
    for _ in range(5):
        attempt(password="wrong")
    before = list(Throttle.objects.order_by("pk").values())
    messages.clear()

    assert attempt().status_code == 429

    assert len(messages) == 1
    assert list(Throttle.objects.order_by("pk").values()) == before
    assert count_sessions() == 0


def unknown_user(shop, cashier):
    return {"username": "nobody"}


def unknown_tenant(shop, cashier):
    return {"tenant": "no-such-shop"}


def inactive_user(shop, cashier):
    with across_tenants():
        User.objects.filter(pk=cashier.pk).update(is_active=False)
    return {}


def inactive_tenant(shop, cashier):
    shop.is_active = False
    shop.save()
    return {}


def unusable_password(shop, cashier):
    cashier.set_unusable_password()
    cashier.save()
    return {}


@pytest.mark.parametrize(
    "why",
    [unknown_user, unknown_tenant, inactive_user, inactive_tenant, unusable_password],
    ids=lambda why: why.__name__,
)
def test_attack_003_every_failure_sends_the_same_messages(why, shop, cashier, clock, messages):
    attempt(password="wrong", ip="198.51.100.1")
    messages.clear()
    attempt(password="wrong", ip="198.51.100.2")
    expected = list(messages)
    changes = why(shop, cashier)
    messages.clear()

    assert attempt(ip="198.51.100.3", **changes).status_code == 401

    assert messages == expected
    assert len(messages) == 2


@pytest.mark.parametrize("name", ["id", "unknown id"])
def test_tenant_that_is_named_by_id_is_looked_up_step_by_step(name, shop, cashier, messages):
    response = attempt(tenant=str(shop.pk if name == "id" else cashier.pk))

    assert response.status_code == (200 if name == "id" else 401)
    assert not any(READ_ROWS in message for message in messages)


# --- the same result ----------------------------------------------------------------------------


class Twin:
    """A shop with a cashier, who has a PIN, beside another one with the same data."""

    def __init__(self):
        self.shop = TenantFactory(currency="EUR")
        self.cashier = UserFactory(tenant=self.shop, username="c1", display_name="Ann")
        self.address = f"198.51.100.{next(addresses)}"
        store = StoreFactory(tenant=self.shop, name="Main")
        register = RegisterFactory(tenant=self.shop, store=store, name="One", number=1)
        self.terminal = TerminalFactory(register=register)
        with tenant_scope(self.shop):
            pin = Pin(user=self.cashier)
            pin.set_digits("271828")
            pin.save()

    def send(self, **changes):
        terminal = changes.pop("at_terminal", False)
        if terminal:
            changes["terminal"] = self.pair()
        return attempt(changes.pop("ip", self.address), **{"tenant": self.shop.slug} | changes)

    def pair(self):
        with tenant_scope(self.shop):
            token = self.terminal.make_token()
            Terminal.objects.filter(pk=self.terminal.pk).update(token_hash=self.terminal.token_hash)
        return token

    def describe(self):
        """Return all rows, with counters by the rule and subject to which they belong."""
        buckets = {
            bucket.key: f"{bucket.rule.name} {len(bucket.subject)} {bool(bucket.subject[-1])}"
            for ip in (self.address,)
            for terminal in (None, self.terminal.pk)
            for name in ("c1", "nobody")
            for bucket in login_lookup.list_buckets(str(self.shop.pk), name, ip, terminal)
        }
        counters = sorted(
            (buckets[row.key], row.count, row.free_at > 0, row.forgotten_at > 0)
            for row in Throttle.objects.filter(pk__in=buckets)
        )
        with across_tenants():
            opened = Pin.objects.get(user=self.cashier).opened_at == last_authentication(
                self.cashier
            )
        logged_in = reload_user(self.cashier).last_login is not None
        rows = list_rows(self.shop)
        for row in rows["accounts.Pin"]:
            del row["digits_hash"]
        return json.loads(normalize([rows, counters, opened, logged_in]))


def last_authentication(user):
    with across_tenants():
        newest = AuthSession.objects.filter(user=user).order_by("created_at").last()
    return newest and newest.auth_time


@pytest.mark.parametrize(
    "requests",
    [
        [{}],
        [{}, {}],
        [{"password": "wrong"}],
        [{"username": "nobody"}],
        [{"password": "wrong"}, {"password": "wrong"}, {}],
        [{}, {"password": "wrong"}, {}],
        [{"password": "wrong"}] * 7,
        [{}, *[{"password": "wrong"}] * 6],
        [{"at_terminal": True}],
        [{"at_terminal": True, "password": "wrong"}, {"at_terminal": True}],
    ],
    ids=str,
)
def test_messages_and_steps_leave_the_same_rows(requests, clock):
    fast, plain = Twin(), Twin()
    for changes in requests:
        answer = fast.send(**changes)
        with override_settings(FAST_PATHS=False):
            expected = plain.send(**changes)
        clock.shift(1)
        assert answer.status_code == expected.status_code
        assert answer.json().keys() == expected.json().keys()
        assert answer.headers.keys() == expected.headers.keys()

    ours, theirs = fast.describe(), plain.describe()
    assert replaced(ours, fast) == replaced(theirs, plain)


def replaced(described, twin):
    text = json.dumps(described, sort_keys=True)
    return text.replace(twin.shop.slug, "slug").replace(twin.address, "address")


# --- what happens meanwhile -----------------------------------------------------------------------


@pytest.fixture
def during_hash(settings, monkeypatch):
    """Return a function that makes a work run while the next password is hashed."""
    works = []

    class Interrupted(MD5PasswordHasher):
        def verify(self, password, encoded):
            if works:
                (outcome,) = run_concurrently([works.pop()])
                assert not isinstance(outcome, Exception), outcome
            return super().verify(password, encoded)

    settings.PASSWORD_HASHERS = [f"{__name__}.CurrentHasher"]
    monkeypatch.setitem(globals(), "CurrentHasher", Interrupted)
    return works.append


def deactivate(user, by):
    set_activation(user_id=user.pk, active=False, by=by)


def promote(user, by):
    change_role(user_id=user.pk, role="manager", by=by)


@pytest.mark.parametrize("change", [deactivate, promote], ids=lambda change: change.__name__)
def test_login_fails_if_the_user_is_changed_during_the_hash(
    change, shop, cashier, admin, during_hash
):
    attempt()
    before = count_sessions(), reload_user(cashier).last_login

    def work():
        with tenant_context(shop):
            change(cashier, admin)

    during_hash(work)
    response = attempt()

    assert response.status_code == 401
    assert response.json()["code"] == "invalid_credentials"
    assert (count_sessions(), reload_user(cashier).last_login) == before
    assert list_events().count("log_in_ok") == 1


def test_attempt_counted_during_the_hash_stays_counted(shop, cashier, during_hash, clock):
    """Another user fails at the same address, so that the counter is not as it was read."""
    failures = policies.bucket_for_address_failures(HERE)
    during_hash(lambda: attempt(username="nobody"))

    assert attempt().status_code == 200

    assert count_in(failures) == 1
    assert count_in(policies.bucket_for_user(str(shop.pk), "c1")) == 0
    assert count_in(policies.bucket_for_user(str(shop.pk), "nobody")) == 1
    assert count_sessions() == 1
    assert list_events().count("log_in_ok") == 1


def test_attempt_counted_after_the_lookup_is_not_lost(shop, cashier, monkeypatch, clock):
    bucket = policies.bucket_for_user(str(shop.pk), "c1")
    attempt(password="wrong")
    write = stores.ReadCounters._write

    def late(counters, states):
        monkeypatch.setattr(stores.ReadCounters, "_write", write)
        run_concurrently([lambda: count_attempt([bucket])])
        return write(counters, states)

    monkeypatch.setattr(stores.ReadCounters, "_write", late)
    assert attempt(password="wrong").status_code == 401

    assert count_in(bucket) == 3


def test_lockout_that_starts_after_the_lookup_rejects_the_attempt(
    shop, cashier, monkeypatch, clock, hashes
):
    bucket = policies.bucket_for_user(str(shop.pk), "c1")
    attempt(password="wrong")
    hashes.restart()
    write = stores.ReadCounters._write

    def late(counters, states):
        monkeypatch.setattr(stores.ReadCounters, "_write", write)
        run_concurrently([lambda: [count_attempt([bucket]) for _ in range(4)]])
        return write(counters, states)

    monkeypatch.setattr(stores.ReadCounters, "_write", late)

    assert attempt().status_code == 429
    assert hashes.count == 0
    assert count_sessions() == 0


def test_two_logins_of_a_user_at_once_both_succeed(shop, cashier, during_hash):
    during_hash(lambda: attempt(ip="198.51.100.200"))

    assert attempt().status_code == 200

    assert count_sessions() == 2
    assert count_in(policies.bucket_for_user(str(shop.pk), "c1")) == 0
    assert list_events().count("log_in_ok") == 2


def test_simultaneous_logins_at_one_address_all_succeed(shop, clock):
    names = [UserFactory(tenant=shop).username for _ in range(8)]

    responses = run_concurrently([lambda name=name: attempt(username=name) for name in names])

    assert statuses(responses) == {200: 8}
    assert count_sessions() == 8
    assert count_in(policies.bucket_for_address_failures(HERE)) == 0
    assert count_in(policies.bucket_for_tenant(str(shop.pk))) == 8


# --- a database that fails ------------------------------------------------------------------------


def end_connections():
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"],
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        autocommit=True,
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND usename = %s",
            [settings["USER"]],
        )


def test_connection_that_ends_during_the_hash_loses_nothing(shop, cashier, during_hash, clock):
    attempt(password="wrong")
    during_hash(end_connections)

    assert attempt().status_code == 200

    assert count_sessions() == 1
    assert list_events().count("log_in_ok") == 1
    assert list_counts() == [1, 2, 2]  # the failure at the address, and both attempts


def test_connection_that_ends_before_the_attempt_is_counted_lets_nobody_in(
    shop, cashier, monkeypatch, hashes
):
    attempt()
    hashes.restart()
    before = list(Throttle.objects.order_by("pk").values())
    write = stores.ReadCounters._write

    def late(counters, states):
        end_connections()
        return write(counters, states)

    monkeypatch.setattr(stores.ReadCounters, "_write", late)

    assert attempt().status_code == 503
    assert hashes.count == 0
    assert count_sessions() == 1
    assert list(Throttle.objects.order_by("pk").values()) == before


def test_session_and_reset_are_written_together_or_not_at_all(shop, cashier, monkeypatch, clock):
    """The message that opens the session fails, and so does the way step by step."""
    attempt(password="wrong")
    bucket = policies.bucket_for_user(str(shop.pk), "c1")
    send, failing = pipeline.send, []

    def fail_to_open(*calls):
        if len(calls) > 5:
            failing.append(True)
            end_connections()
        return send(*calls)

    monkeypatch.setattr(pipeline, "send", fail_to_open)
    response = attempt()
    monkeypatch.undo()

    assert failing
    assert response.status_code in {200, 503}
    assert (count_in(bucket) == 0) == (count_sessions() == 1) == (response.status_code == 200)
