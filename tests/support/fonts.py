"""Machines without fonts or without FriBiDi, for tests of what is printed there."""

import pytest

from orders.services.documents.renderers import fonts, raster

CACHED = (
    fonts.find_font_files,
    fonts.can_shape,
    fonts.find_font,
    fonts.load_font,
    raster.draw_line,
)
without_fonts = pytest.mark.usefixtures("no_fonts")


def forget_fonts():
    """Forget what was found on this machine, as a restart does."""
    for each in CACHED:
        each.cache_clear()


@pytest.fixture
def no_fonts(monkeypatch):
    monkeypatch.setattr(fonts, "FONT_DIRECTORIES", ())
    forget_fonts()
    yield
    forget_fonts()


@pytest.fixture
def no_fribidi(monkeypatch):
    monkeypatch.setattr(fonts, "load_fribidi", lambda: None)
    forget_fonts()
    yield
    forget_fonts()
