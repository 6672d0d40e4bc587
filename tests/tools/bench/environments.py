"""Virtual environments of the programs that are measured, in the user's cache directory."""

import hashlib
import os
import sys
from pathlib import Path

from tests.tools.bench.programs import run


def install(requirements: Path) -> Path:
    """Return the programs of an environment with these requirements, made when they change."""
    key = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = find_cache() / f"environment-{key}"
    ready = home / ".ready"
    if not ready.exists():
        run([sys.executable, "-m", "venv", "--clear", str(home)], os.environ)
        pip = [str(home / "bin/python"), "-m", "pip", "--disable-pip-version-check", "-qq"]
        run([*pip, "install", "--requirement", str(requirements)], os.environ)
        ready.touch()
    return home / "bin"


def find_cache() -> Path:
    """Return the user's own directory for what can be made again."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "till-bench"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cache
