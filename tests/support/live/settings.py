"""The settings of servers under test that are processes of their own."""

from tests.settings import *  # noqa: F403
from tests.settings import CACHES, GIVEN_REDIS_URL, env, redis_cache

# Here the Redis that is named is this server's own, and may be emptied and stopped.
if REDIS_URL := GIVEN_REDIS_URL:
    CACHES = {"default": redis_cache(GIVEN_REDIS_URL)}
# Each request may say which address it comes from, as if the client were a proxy.
NUM_PROXIES = 1
LIVE_GATEWAY_PORT = env.int("LIVE_GATEWAY_PORT", default=0)
PAYMENT_GATEWAY = env.str("LIVE_GATEWAY", default="orders.gateways.simulated.SimulatedGateway")
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
