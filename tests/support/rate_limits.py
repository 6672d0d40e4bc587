"""Counter stores for tests of rate limits, and a hasher that tests can hold."""

from secrets import token_hex
from threading import Event, Lock

from django.contrib.auth.hashers import MD5PasswordHasher

from accounts.security.rate_limits import stores
from accounts.security.rate_limits.redis_store import FallbackStore, RedisCounterStore
from accounts.security.rate_limits.stores import DatabaseCounterStore
from config.settings import redis_cache

MAX_HOLD = 30


def count_in_redis(url, settings, monkeypatch):
    """Count in this Redis, with keys that no other test uses."""
    settings.SECRET_KEY = token_hex(32)
    settings.REDIS_URL = url
    settings.CACHES = {"default": redis_cache(url)}
    shared = FallbackStore(RedisCounterStore(), DatabaseCounterStore())
    monkeypatch.setattr(stores, "_load_shared_store", lambda: shared)


class Hashes:
    """Count password hashes; while held, hashing waits."""

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
        """Hold all hashing until released; `reached` is set when so many wait."""
        self.awaited = awaited
        self.gate.clear()

    def release(self):
        self.gate.set()

    def count_hash(self):
        with self.lock:
            self.count += 1
            if self.count == self.awaited:
                self.reached.set()
        assert self.gate.wait(MAX_HOLD), "the hasher was not released"


hashes = Hashes()


class CountingHasher(MD5PasswordHasher):
    """A fast hasher that counts every hash in `hashes`."""

    def encode(self, password, salt):
        hashes.count_hash()
        return super().encode(password, salt)
