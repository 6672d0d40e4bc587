"""Bar charts of hours, days, weeks or months, as coordinates for an SVG without scripts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
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


MAX_LABELS = 7
WIDTH = HOURS * SLOT


@dataclass(frozen=True, slots=True)
class PeriodBar:
    """One part of a period: the bar of its amount, and the outline of the amount before.

    Coordinates are texts, because a template would write numbers in the user's language.
    """

    x: str
    outline_x: str
    y: int
    height: int
    before_y: int
    before_height: int
    tooltip: str


@dataclass(frozen=True, slots=True)
class PeriodChart:
    """The bars of the parts of a period, over the parts of the period before."""

    bars: list[PeriodBar]
    labels: list[tuple[str, str]]
    bar_width: str
    outline_width: str
    width: int = WIDTH
    baseline: int = TOP + HEIGHT


@dataclass(frozen=True, slots=True)
class ChartPart:
    """What the chart shows of one part of a period. A negative amount has no bar."""

    label: str
    amount: Decimal
    before: Decimal
    tooltip: str


def build_period_chart(parts: Sequence[ChartPart]) -> PeriodChart | None:
    """Build the chart. Return None if there are no amounts in either period."""
    highest = max((max(part.amount, part.before) for part in parts), default=Decimal(0))
    if highest <= 0:
        return None
    slot = WIDTH / len(parts)
    bars = []
    for number, part in enumerate(parts):
        height, before = (
            max(0, round(HEIGHT * amount / highest)) for amount in (part.amount, part.before)
        )
        x, outline_x = (f"{number * slot + slot * margin:.2f}" for margin in (0.25, 0.1))
        y, before_y = (TOP + HEIGHT - each for each in (height, before))
        bars.append(PeriodBar(x, outline_x, y, height, before_y, before, part.tooltip))
    every = -(-len(parts) // MAX_LABELS)
    labels = [
        (f"{(number + 0.5) * slot:.2f}", parts[number].label)
        for number in range(0, len(parts), every)
    ]
    return PeriodChart(bars, labels, f"{slot / 2:.2f}", f"{slot * 0.8:.2f}")
