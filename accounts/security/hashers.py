"""Password hashers: Argon2id, with an optional pepper."""

import hmac
import os
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import BoundedSemaphore
from typing import Any

import structlog
from argon2.low_level import Type, hash_secret
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, make_password

from accounts.exceptions import Busy

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
MAX_WAIT_SECONDS = 2.0
RETRY_AFTER = 2
# Minimum of Argon2 with a parallelism of 1.
MIN_MEMORY_KIB = 8


def count_concurrent_hashes(cores: int, workers: int) -> int:
    """Return how many passwords one of the processes of the web server hashes at once.

    More hashes than cores would only be slower and take 19 MiB each. Besides, glibc keeps the
    memory of one hash for the next, but returns that of two to the kernel whenever they end, which
    costs a fifth of their time.
    """
    return max(1, cores // max(1, workers))


@cache
def get_slots() -> BoundedSemaphore:
    return BoundedSemaphore(count_concurrent_hashes(CORES, settings.WEB_CONCURRENCY))


log = structlog.get_logger("till.passwords")


@contextmanager
def hashing_slot() -> Iterator[None]:
    """Limit concurrent hashes to the share of the cores of this process.

    Raises Busy after MAX_WAIT_SECONDS.
    """
    slots = get_slots()
    if not slots.acquire(timeout=MAX_WAIT_SECONDS):
        raise Busy(retry_after=RETRY_AFTER)
    try:
        yield
    finally:
        slots.release()


class LeanArgon2PasswordHasher(Argon2PasswordHasher):
    """Argon2id with 19 MiB of memory, two iterations and a parallelism of 1.

    Source: the minimum of the OWASP Password Storage Cheat Sheet. Django's default of 100 MiB
    and a parallelism of 8 takes seconds on small machines.
    """

    time_cost = 2
    memory_cost = 19456
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with hashing_slot():
            return super().encode(normalize_password(password), salt)

    def verify(self, password: str, encoded: str) -> bool:
        with hashing_slot():
            return super().verify(normalize_password(password), encoded)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do the remaining work if the hash has cheaper, former parameters.

        The work of Argon2 is memory times passes.
        """
        former = self.decode(encoded)
        left = self.memory_cost * self.time_cost - former["memory_cost"] * former["time_cost"]
        memory = left // self.time_cost
        if memory >= MIN_MEMORY_KIB:
            with hashing_slot():
                run_argon2(password, memory=memory, passes=self.time_cost)


class PepperedArgon2PasswordHasher(LeanArgon2PasswordHasher):
    """Argon2id over an HMAC of the password with a pepper that is not in the database.

    `argon2pep$v3$argon2id$...` names the version of the pepper. A hash of an older version is
    renewed at the next log-in.
    """

    algorithm = "argon2pep"

    def encode(self, password: str, salt: str) -> str:
        newest = max(settings.PASSWORD_PEPPERS)
        algorithm, rest = super().encode(add_pepper(password, newest), salt).split("$", 1)
        return f"{algorithm}$v{newest}${rest}"

    def verify(self, password: str, encoded: str) -> bool:
        version, plain = split_pepper_version(encoded)
        return super().verify(add_pepper(password, version), plain)

    def decode(self, encoded: str) -> Any:
        _, plain = split_pepper_version(encoded)
        return super().decode(plain)

    def must_update(self, encoded: str) -> bool:
        version, _ = split_pepper_version(encoded)
        return version != max(settings.PASSWORD_PEPPERS) or super().must_update(encoded)


def split_pepper_version(encoded: str) -> tuple[int, str]:
    """Split an encoded hash into pepper version and plain Argon2 hash."""
    algorithm, version, rest = encoded.split("$", 2)
    return int(version.removeprefix("v")), f"{algorithm}${rest}"


def add_pepper(password: str, version: int) -> str:
    """Return the HMAC of the password; a lost pepper is replaced by a random one, to fail in
    constant time."""
    pepper = settings.PASSWORD_PEPPERS.get(version)
    if pepper is None:
        log.error("pepper_missing", version=version)
        pepper = secrets.token_urlsafe()
    return hmac.digest(pepper.encode(), normalize_password(password).encode(), "sha256").hex()


def normalize_password(password: str) -> str:
    """Normalize to NFKC (NIST SP 800-63B-4); spaces are kept."""
    return unicodedata.normalize("NFKC", password)


def run_argon2(password: str, *, memory: int, passes: int) -> None:
    hash_secret(
        normalize_password(password).encode(),
        secrets.token_bytes(16),
        time_cost=passes,
        memory_cost=memory,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def run_dummy_hash(password: str) -> None:
    """Hash once and discard the result, so that unknown users take the same time."""
    make_password(password)
