"""Tests of real server processes: crashes, races and outages of what they depend on.

`make endure` runs them; LIVE_REQUESTS sets the number of requests of the crash tests.
"""
