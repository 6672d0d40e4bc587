"""Tests of real server processes: crashes, races and outages of other services.

`make endure` runs them; LIVE_REQUESTS sets the number of requests of the crash tests.
"""
