"""Price labels on sheets as PDF, by WeasyPrint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from orders.codes.barcodes import BarcodeSymbol
from orders.services.documents.label_sheets import LabelSheet
from orders.services.documents.price_labels import PriceLabel
from orders.services.documents.renderers.pdf import BASE_URL, fetch_resource, load_weasyprint

PADDING = 1.4
# Width of a module in millimeters: 80 % and 100 % of the nominal size of EAN-13, and the least that
# common scanners read in Code 128.
MAX_MODULE, MIN_MODULE = 0.33, 0.19
BAR_HEIGHT = 100
# Sizes in points of name, price and small print, by the least height of the label in millimeters.
SIZES = ((36, 10, 22, 7), (30, 9, 18, 6.5), (24, 7.5, 14, 6), (0, 6.5, 12, 5.5))
STYLES = """
@page {{ size: {page_width}mm {page_height}mm; margin: 0 }}
body {{ margin: 0; font-family: "Noto Sans", "DejaVu Sans", sans-serif; color: #000 }}
.sheet {{ position: relative; width: {page_width}mm; height: {page_height}mm; overflow: hidden }}
.sheet + .sheet {{ break-before: page }}
.label {{ position: absolute; box-sizing: border-box; overflow: hidden;
  width: {width}mm; height: {height}mm; padding: {padding}mm {side}mm }}
.name {{ height: 2.5em; overflow: hidden;
  font-size: {name}pt; font-weight: bold; line-height: 1.2 }}
.prices {{ display: table; width: 100%; height: {price_height}pt }}
.more, .price {{ display: table-cell; vertical-align: bottom }}
.more {{ font-size: {small}pt; line-height: 1.15 }}
.price {{ text-align: right; white-space: nowrap;
  font-size: {price}pt; font-weight: bold; line-height: 1 }}
.bars {{ display: block; margin: .5mm auto 0; height: {bars}mm }}
.code {{ overflow: hidden; height: 1.3em; text-align: center; white-space: pre;
  font-size: {small}pt; line-height: 1.3 }}
"""
POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label with its place on the sheet, and the bars in modules."""

    label: PriceLabel
    place: int
    bars: "Bars | None"


@dataclass(frozen=True, slots=True)
class Bars:
    """A barcode as a path, whose width has a class of its own in the style sheet."""

    path: str
    width: int
    style: str


def render_label_pdf(
    labels: Sequence[PriceLabel], sheet: LabelSheet, *, start: int = 1, copies: int = 1
) -> bytes:
    """Render labels on sheets. `start` is the first free place of the first sheet, from 1."""
    library = load_weasyprint()
    repeated = [label for label in labels for _ in range(copies)]
    widths: dict[int, str] = {}
    pages = list(_place_labels(repeated, sheet, start - 1, widths))
    html = render_to_string("labels/sheets.html", {"pages": pages, "height": BAR_HEIGHT})
    page = library.HTML(string=html, base_url=BASE_URL, url_fetcher=fetch_resource)
    styles = library.CSS(string=_build_styles(sheet, widths), url_fetcher=fetch_resource)
    drawn: bytes = page.write_pdf(stylesheets=[styles])
    return drawn


def _place_labels(
    labels: Sequence[PriceLabel], sheet: LabelSheet, skipped: int, widths: dict[int, str]
) -> Iterator[list[PlacedLabel]]:
    """Yield the labels of each page."""
    available = sheet.width - 2 * PADDING
    places: list[PlacedLabel] = []
    for number, label in enumerate(labels, start=skipped):
        place = number % sheet.per_page
        if place == 0 and places:
            yield places
            places = []
        places.append(PlacedLabel(label, place, _draw_bars(label.symbol, available, widths)))
    if places:
        yield places


def _draw_bars(
    symbol: BarcodeSymbol | None, available: float, widths: dict[int, str]
) -> Bars | None:
    """Return the bars, or None if they would be too narrow for scanners."""
    if symbol is None or available / symbol.width < MIN_MODULE:
        return None
    style = widths.setdefault(symbol.width, f"w{symbol.width}")
    return Bars("".join(_draw_path(symbol)), symbol.width, style)


def _draw_path(symbol: BarcodeSymbol) -> Iterator[str]:
    """Yield a rectangle for each bar, whose neighboring modules are one shape."""
    start, _ = symbol.quiet_zones
    place = start
    for run in symbol.modules.replace("10", "1 0").replace("01", "0 1").split(" "):
        if run[0] == "1":
            yield f"M{place} 0h{len(run)}v{BAR_HEIGHT}h-{len(run)}z"
        place += len(run)


def _build_styles(sheet: LabelSheet, widths: dict[int, str]) -> str:
    name, price, small = next(sizes for least, *sizes in SIZES if sheet.height >= least)
    price_height = max(price, 3.5 * small)
    texts = (2.5 * name + price_height + 1.3 * small) * POINT
    bars = min(14, sheet.height - 2 * PADDING - texts - 0.6)
    values: dict[str, Any] = {
        "page_width": sheet.page[0],
        "page_height": sheet.page[1],
        "width": sheet.width,
        "height": sheet.height,
        "padding": PADDING,
        "side": PADDING,
        "name": name,
        "price": price,
        "small": small,
        "price_height": price_height,
        "bars": f"{bars:.2f}",
    }
    rules = [STYLES.format(**values)]
    for place in range(sheet.per_page):
        left, top = sheet.find_position(place)
        rules.append(f".p{place} {{ left: {left:.3f}mm; top: {top:.3f}mm }}")
    available = sheet.width - 2 * PADDING
    for modules, style in widths.items():
        module = min(MAX_MODULE, available / modules)
        rules.append(f".{style} {{ width: {module * modules:.3f}mm }}")
    return "\n".join(rules)
