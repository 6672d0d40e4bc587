"""Till as it is run: real server processes, killed, raced, and cut off from what they need.

`LIVE_REQUESTS` says how many requests; `make endure` sends thousands.
"""
