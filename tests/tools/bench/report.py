"""The tables at the end, as text and as the sections of docs/performance.md."""

import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.tools.bench.load import Window
from tests.tools.bench.measurements import Name, Ratio, Results

RATE_HEADS = ("call", "answered by", "a second", "range", "p50 ms", "p99 ms")
CPU_HEADS = ("call", "answered by", "web ms", "PostgreSQL ms", "together ms")
RATIO_HEADS = ("call", "Till", "compared with", "ratio", "range", "by CPU", "target", "reached")
RIGHT_ALIGNED = {
    *("a second", "range", "p50 ms", "p99 ms", "web ms", "PostgreSQL ms", "together ms"),
    *("ratio", "by CPU", "target", "MiB of the worker"),
    *("requests", "seconds", "MB", "rows"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """Cells under heads."""

    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    @property
    def widths(self) -> list[int]:
        return [
            max(len(row[column]) for row in [self.heads, *self.rows]) for column in self.columns
        ]

    @property
    def columns(self) -> range:
        return range(len(self.heads))

    def pad(self, row: tuple[str, ...]) -> list[str]:
        return [
            cell.rjust(width) if head in RIGHT_ALIGNED else cell.ljust(width)
            for head, cell, width in zip(self.heads, row, self.widths, strict=True)
        ]

    def as_text(self) -> str:
        return "\n".join("  ".join(self.pad(row)).rstrip() for row in [self.heads, *self.rows])

    def as_markdown(self) -> str:
        rule = ["---:" if head in RIGHT_ALIGNED else "---" for head in self.heads]
        return "\n".join(f"| {' | '.join(row)} |" for row in [self.heads, rule, *self.rows])


def print_line(text: str = "") -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    print_line(Table(heads, rows).as_text())


def median_and_range(values: Sequence[float], form: str) -> tuple[str, str]:
    low, middle, high = min(values), statistics.median(values), max(values)
    return format(middle, form), f"{low:{form}} to {high:{form}}"


def build_rates(results: Results) -> Table:
    return Table(RATE_HEADS, [rate_row(*each) for each in results.windows.items()])


def rate_row(name: Name, windows: Sequence[Window]) -> tuple[str, ...]:
    rate, rates = median_and_range([window.rate for window in windows], ",.0f")
    p50, p99 = (
        format_median(getattr(window, percentile) for window in windows)
        for percentile in ("p50", "p99")
    )
    return (name.call, name.server, rate, rates, p50, p99)


def build_cpu(results: Results) -> Table:
    """Leave out what has neither a web server nor a database."""
    rows = [cpu_row(*each) for each in results.windows.items()]
    return Table(CPU_HEADS, [row for row in rows if row[-1]])


def cpu_row(name: Name, windows: Sequence[Window]) -> tuple[str, ...]:
    web = format_median((window.web_milliseconds for window in windows), ".2f")
    database = format_median((window.database_milliseconds for window in windows), ".2f")
    both = (window.milliseconds for window in windows)
    return (name.call, name.server, web, database, format_median(both, ".2f"))


def format_median(values: Iterable[float], form: str = ".1f") -> str:
    """Return nothing where nothing was measured."""
    known = list(values)
    value = statistics.median(known) if known else 0
    return format(value, form) if value else ""


def build_ratios(results: Results, ratios: Sequence[Ratio]) -> Table:
    return Table(RATIO_HEADS, [ratio_row(each, results) for each in results.known(ratios)])


def ratio_row(ratio: Ratio, results: Results) -> tuple[str, ...]:
    ratios = results.ratios(ratio)
    middle, span = median_and_range(ratios, ".2f")
    reached = "yes" if statistics.median(ratios) >= ratio.target else "no"
    subject, base = ratio.subject, ratio.base
    other = base.server if base.call == subject.call else f"{base.server}: {base.call}"
    by_cpu = format_median(results.cpu_ratios(ratio), ".2f")
    target = f"{ratio.target:g}"
    return (subject.call, subject.server, other, middle, span, by_cpu, target, reached)


def describe_foreign_load(results: Results) -> str:
    """Say how many cores were busy with other programs in the windows that were measured."""
    foreign = [window.foreign for windows in results.windows.values() for window in windows]
    middle, span = median_and_range(foreign, ".2f")
    return f"other programs kept {middle} cores busy meanwhile ({span})"


def replace_section(page: str, title: str, body: str) -> str:
    """Put a section in the place of the one with its title, else at the end."""
    first, *sections = f"\n{page}".split("\n## ")
    kept = {each.partition("\n")[0]: each.partition("\n")[2].strip() for each in sections}
    kept[title] = body.strip()
    parts = [first.strip(), *(f"## {name}\n\n{text}" for name, text in kept.items())]
    return "\n\n".join(parts) + "\n"
