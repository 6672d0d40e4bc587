"""Settings of server processes under test."""

from tests.settings import *  # noqa: F403
from tests.settings import CACHES, GIVEN_REDIS_URL, env, redis_cache

# The Redis of these servers is private, and may be flushed and stopped.
if REDIS_URL := GIVEN_REDIS_URL:
    CACHES = {"default": redis_cache(GIVEN_REDIS_URL)}
# The client acts as the proxy and sets the client address.
NUM_PROXIES = 1
LIVE_GATEWAY_PORT = env.int("LIVE_GATEWAY_PORT", default=0)
PAYMENT_GATEWAY = env.str("LIVE_GATEWAY", default="orders.gateways.simulated.SimulatedGateway")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
