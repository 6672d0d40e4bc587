"""Till as it is run: real server processes, killed, raced, and cut off from what they need.

The sizes are in the environment: `LIVE_REQUESTS=5000 make test ARGS=tests/live` is a long run.
"""
