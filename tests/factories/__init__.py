"""Rows for tests, each of them with one consistent tenant; factories enter its scope themselves."""
