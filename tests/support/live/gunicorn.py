"""The server as it is run in production, but for what tests need to tell it.

Workers are forked with the code already loaded: killed as often as here, they would do nothing
but load it.
"""

from config.gunicorn import *  # noqa: F403
from tests.support.live import failpoints

preload_app = True
when_ready = failpoints.warm_up
post_worker_init = failpoints.watch
pre_request = failpoints.begin
