"""The tables at the end."""

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence

from tests.tools.bench.load import Window
from tests.tools.bench.measurements import Ratio, Results

RATE_HEADS = ("", "a second", "range", "p50 ms", "p99 ms", "CPU ms", "refused", "broken")
RATIO_HEADS = ("ratio", "median", "range", "target", "reached")


def print_line(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def median_and_range(values: Sequence[float], form: str) -> tuple[str, str]:
    low, middle, high = min(values), statistics.median(values), max(values)
    return format(middle, form), f"{low:{form}} to {high:{form}}"


def build_row(name: str, windows: Sequence[Window]) -> tuple[str, ...]:
    rate, rates = median_and_range([window.rate for window in windows], ",.0f")
    return (
        name,
        rate,
        rates,
        milliseconds(windows, lambda window: window.p50),
        milliseconds(windows, lambda window: window.p99),
        milliseconds(windows, lambda window: 1000 * window.cpu / window.requests),
        str(sum(window.refused for window in windows)),
        str(sum(window.broken for window in windows)),
    )


def milliseconds(windows: Iterable[Window], time_of: Callable[[Window], float]) -> str:
    value = statistics.median(time_of(window) for window in windows)
    return f"{value:.1f}" if value else ""


def ratio_row(ratio: Ratio, results: Results) -> tuple[str, ...]:
    ratios = results.ratios(ratio)
    middle, span = median_and_range(ratios, ".2f")
    reached = "yes" if statistics.median(ratios) >= ratio.target else "no"
    return (f"{ratio.subject} / {ratio.base}", middle, span, f"{ratio.target:g}", reached)


def show(results: Results, ratios: Sequence[Ratio]) -> None:
    show_table(RATE_HEADS, [build_row(name, windows) for name, windows in results.windows.items()])
    known = [ratio for ratio in ratios if ratio.base in results.windows]
    if known:
        print_line()
        show_table(RATIO_HEADS, [ratio_row(ratio, results) for ratio in known])
    if results.errors:
        print_line(
            f"\n!!! {results.errors} requests were refused or broken: the figures mean nothing."
        )


def show_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    for row in [heads, *rows]:
        first, *rest = (
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print_line("  ".join([first, *rest]).rstrip())
