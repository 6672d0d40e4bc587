"""The production configuration of gunicorn with failpoints.

Workers are forked with the code loaded, because workers that are killed often would spend
their time loading it.
"""

from config.gunicorn import *  # noqa: F403
from tests.support.live import failpoints

wsgi_app = "tests.support.live.wsgi:application"
preload_app = True
when_ready = failpoints.warm_up
post_worker_init = failpoints.watch
pre_request = failpoints.begin
