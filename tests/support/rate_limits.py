"""Where tries are counted, for the tests of the limiter, and a hasher that can be held."""

from secrets import token_hex
from threading import Event, Lock

from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.security.rate_limits import stores
from accounts.security.rate_limits.redis_store import FallbackStore, RedisCounterStore
from accounts.security.rate_limits.stores import DatabaseCounterStore
from config.settings import redis_cache

LONGEST_HOLD = 30


def count_in_redis(url, settings, monkeypatch):
    """As an installation with this Redis; under keys that no other test has."""
    settings.SECRET_KEY = token_hex(32)
    settings.REDIS_URL = url
    settings.CACHES = {"default": redis_cache(url)}
    shared = FallbackStore(RedisCounterStore(), DatabaseCounterStore())
    monkeypatch.setattr(stores, "_load_shared_store", lambda: shared)


class Hashes:
    """How many passwords were looked at; while held, nobody gets an answer."""

    def __init__(self):
        self.lock = Lock()
        self.gate = Event()
        self.gate.set()
        self.awaited = 0
        self.reached = Event()
        self.restart()

    def restart(self):
        self.count = 0

    def hold(self, *, awaited):
        """Keep those who hash until released; `reached` tells when so many do."""
        self.awaited = awaited
        self.gate.clear()

    def release(self):
        self.gate.set()

    def note(self):
        with self.lock:
            self.count += 1
            if self.count == self.awaited:
                self.reached.set()
        assert self.gate.wait(LONGEST_HOLD), "nobody let go of the hasher"


hashes = Hashes()


class CountingHasher(MD5PasswordHasher):
    """Quick, and tells `hashes` of every password that is looked at or pretended to be."""

    def encode(self, password, salt):
        hashes.note()
        return super().encode(password, salt)
