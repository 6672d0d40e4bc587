"""The server as it is run in production, but for what tests need to tell it.

Workers are forked with the code already loaded: killed as often as here, they would do nothing
but load it.
"""

from config.gunicorn import *  # noqa: F403
from tests.live import steps

preload_app = True
when_ready = steps.warm_up
post_worker_init = steps.watch
pre_request = steps.begin
