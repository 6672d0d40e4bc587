"""Settings of gunicorn: `gunicorn --config config/gunicorn.py`."""

import ctypes
import gc
import os
import select
import shutil
import tempfile
from pathlib import Path
from typing import Any

import environ


class Environment(environ.Env):  # type: ignore[misc]  # environ has no types
    """Reads .env as config.settings does, without changing the environment of this process."""

    ENVIRON = dict(os.environ)


env = Environment()
env.read_env(Path(__file__).resolve().parent.parent / ".env")
on_sqlite = env.str("DATABASE_URL", default="sqlite:").startswith("sqlite:")
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

wsgi_app = "config.wsgi"
bind = env.str("BIND", default=f"127.0.0.1:{env.int('PORT', default=8000)}")

# A proxy on this machine forwards headers of its clients, so that requests from loopback are not
# trusted. Only Django reads X-Forwarded-For and X-Forwarded-Proto, if NUM_PROXIES is set.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
header_map = "drop"
# gunicorn would answer 500 to every path outside of the prefix.
os.environ.pop("SCRIPT_NAME", None)

# Systems without epoll use the threaded worker of gunicorn.
worker_class = "config.gunicorn_worker.Worker" if hasattr(select, "epoll") else "gthread"
# SQLite has one writer at a time: a second process would only wait for the lock.
workers = env.int("WEB_CONCURRENCY", default=1 if on_sqlite else cores)
# Each worker hashes passwords on its part of the cores.
raw_env = [f"WEB_CONCURRENCY={workers}"]
threads = env.int("WEB_THREADS", default=8 if on_sqlite else 4)
# A single malloc arena, because glibc keeps the 19 MiB of a password hash in the arena of each
# thread. The number of the option is from malloc.h.
M_ARENA_MAX = -8
if hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(M_ARENA_MAX, 1)
# Each worker loads the code itself, so that SIGHUP reloads it without downtime, and no connection
# or random state is shared through a fork.
preload_app = False
max_requests = 0

# The maximum of gunicorn: room for a list of 200 ids in a URL.
limit_request_line = 8190

timeout = 30
# After SIGTERM, current requests are completed.
graceful_timeout = 30
# Longer than the 60 seconds for which proxies usually keep connections, so that they do not write
# to a closed one. An idle connection uses no thread.
keepalive = 75
# The heartbeat file should not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def post_worker_init(worker: Any) -> None:
    """Make each request cheaper.

    gunicorn looks up about 25 settings for each request through `Config.__getattr__`, which takes
    a quarter of its time; attributes of the same name are found first. What was loaded is excluded
    from garbage collection, which would look through all of it.
    """
    vars(worker.cfg).update({name: each.get() for name, each in worker.cfg.settings.items()})
    gc.collect()
    gc.freeze()


# Each worker counts in a file of this directory, and GET /metrics adds them up. A reload keeps it,
# so that no counter falls.
METRICS_DIRECTORY, METRICS_PREFIX = "PROMETHEUS_MULTIPROC_DIR", "till-metrics-"


def create_metrics_directory() -> None:
    """Create it for the processes that are started later, unless the operator has named one.

    One that is inherited from a server that this one replaces (SIGUSR2) is not used.
    """
    if env.str("METRICS_TOKEN", default="") and not is_given_directory():
        os.environ[METRICS_DIRECTORY] = tempfile.mkdtemp(prefix=METRICS_PREFIX)


def is_given_directory() -> bool:
    name = Path(os.environ.get(METRICS_DIRECTORY, "")).name
    return bool(name) and not name.startswith(METRICS_PREFIX)


def on_starting(server: Any) -> None:
    create_metrics_directory()


def on_exit(server: Any) -> None:
    """Remove the directory that was created above, in the first process only."""
    directory = Path(os.environ.get(METRICS_DIRECTORY, ""))
    if directory.name.startswith(METRICS_PREFIX):
        shutil.rmtree(directory, ignore_errors=True)


# AccessLogMiddleware logs requests, with tenant and user.
accesslog = None
control_socket_disable = True
