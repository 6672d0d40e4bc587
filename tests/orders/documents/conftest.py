"""Fixtures of documents: machines without fonts."""

from tests.support.fonts import no_fonts, no_fribidi  # noqa: F401
