"""Settings of a relay process that writes deliveries to a file."""

from tests.settings import *  # noqa: F403

OUTBOX_SUBSCRIBERS = ["tests.support.relay.Notebook"]
RELAY_JOBS = []
