"""Bar chart of the hours of a day, as coordinates for an SVG without scripts and styles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOURS = 24
SLOT, BAR, HEIGHT, TOP = 20, 14, 100, 16
LABEL_EVERY = 3


@dataclass(frozen=True)
class Bar:
    """One hour: position and height of its bar, and the figures of its tooltip."""

    hour: int
    x: int
    y: int
    height: int
    facts: dict[str, Any]


@dataclass(frozen=True)
class Chart:
    bars: list[Bar]
    labels: list[tuple[int, str]]
    highest: Any
    width: int = HOURS * SLOT
    baseline: int = TOP + HEIGHT
    bar_width: int = BAR


def build_chart(hours: Mapping[int, dict[str, Any]], *, first: int) -> Chart | None:
    """Build the chart, starting with the hour `first`. Return None without sales."""
    highest = max((facts["total"] for facts in hours.values()), default=0)
    if not highest:
        return None
    bars = []
    for hour, facts in hours.items():
        height = max(1, round(HEIGHT * facts["total"] / highest))
        slot = (hour - first) % HOURS
        x = slot * SLOT + (SLOT - BAR) // 2
        bars.append(Bar(hour, x, TOP + HEIGHT - height, height, facts))
    labels = [
        (slot * SLOT + SLOT // 2, f"{(first + slot) % HOURS:02d}")
        for slot in range(0, HOURS, LABEL_EVERY)
    ]
    return Chart(sorted(bars, key=lambda bar: bar.x), labels, highest)
