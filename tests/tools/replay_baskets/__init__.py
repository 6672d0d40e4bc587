"""Sell real baskets over HTTP and check all totals: `python -m tests.tools.replay_baskets PATH`."""
