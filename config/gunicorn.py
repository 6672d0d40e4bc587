"""How gunicorn serves Till: `gunicorn --config config/gunicorn.py`."""

import ctypes
import os
from pathlib import Path

import environ


class Environment(environ.Env):  # type: ignore[misc]  # environ has no types
    """What config.settings will read, without leaving .env's lines in this process."""

    ENVIRON = dict(os.environ)


env = Environment()
env.read_env(Path(__file__).resolve().parent.parent / ".env")
on_sqlite = env.str("DATABASE_URL", default="sqlite:").startswith("sqlite:")
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

wsgi_app = "config.wsgi"
bind = env.str("BIND", default=f"127.0.0.1:{env.int('PORT', default=8000)}")

# A proxy on this machine passes on whatever its clients send, so a header from loopback proves
# nothing. Django alone reads X-Forwarded-For and X-Forwarded-Proto, where NUM_PROXIES says so.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
header_map = "drop"
# gunicorn would answer 500 to every path outside of it.
os.environ.pop("SCRIPT_NAME", None)

# SQLite lets one write at a time: a second process would only wait for the first one's lock.
worker_class = "gthread"
workers = env.int("WEB_CONCURRENCY", default=1 if on_sqlite else cores)
threads = env.int("WEB_THREADS", default=8 if on_sqlite else 4)
# With an arena of its own for each thread the C library keeps the 19 MiB of every password hash
# as often as there are threads. Only glibc has the switch (its number is in malloc.h).
M_ARENA_MAX = -8
if hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(M_ARENA_MAX, 1)
# Each worker loads the code itself: SIGHUP then brings in new code without closing the till, and
# no connection or random state is shared through a fork.
preload_app = False
max_requests = 0

timeout = 30
# SIGTERM: what has been asked is answered before the worker goes.
graceful_timeout = 30
# Longer than the 60 seconds for which proxies keep a connection, so that none writes into a
# closed one; a waiting connection holds no thread.
keepalive = 75
# The heartbeat file must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# The application writes its own line per request, with tenant and user.
accesslog = None
control_socket_disable = True
