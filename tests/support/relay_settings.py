"""The settings of a relay that is a process of its own, and tells what it hears to a file."""

from tests.settings import *  # noqa: F403

OUTBOX_SUBSCRIBERS = ["tests.support.relay.Notebook"]
RELAY_JOBS = []
