"""Name of a migrated database in the cache: a hash of everything that `migrate` uses.

Without Django, so that the server of the tests starts without it. `make clean` removes the folder.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".pytest_cache" / "databases"
SOURCES = (
    "*/migrations/*.py",
    "*/models/*.py",
    "*/apps.py",
    "orders/late_receipts.py",
    "tenants/*.py",
    "tenants/database/**/*.py",
    "config/*.py",
    "config/requirements.lock",
    "tests/settings.py",
)


def digest_schema(*more: str) -> str:
    """Return the hash; `more` is what else changes the result, such as the engine's version."""
    digest = hashlib.sha256("\n".join([metadata.version("django"), *more]).encode())
    for path in sorted({path for pattern in SOURCES for path in ROOT.glob(pattern)}):
        digest.update(f"\n{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def cache_lock(engine: str) -> Iterator[None]:
    """Lock the cache, so that one process migrates and the others copy."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{engine}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
