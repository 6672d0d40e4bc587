"""Till, an open point-of-sale backend. The version is also a heading of CHANGELOG.md."""

__version__ = "0.1.0"
