"""Heat table of the hours of a week: a row for each weekday, a column for each hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tenants.scope import current_tenant

HOURS = 24
# Shades of cells besides none; their colors are in the style sheet.
LEVELS = 5


@dataclass(frozen=True, slots=True)
class HeatCell:
    """An hour: its amount, that of the period before, and how dark its cell is."""

    amount: str
    before: str
    level: int


@dataclass(frozen=True, slots=True)
class HeatTable:
    hours: list[str]
    rows: list[tuple[str, list[HeatCell]]]


def build_heat_table(parts: Sequence[tuple[str, Decimal, Decimal]]) -> HeatTable | None:
    """Build the table of all hours, each as label, amount and amount before.

    Hours in which nothing was sold on any day are left out at both ends. Return None if nothing
    was sold at all.
    """
    days = [parts[start : start + HOURS] for start in range(0, len(parts), HOURS)]
    used = [hour for hour in range(HOURS) if any(day[hour][1] or day[hour][2] for day in days)]
    if not used:
        return None
    shown = range(used[0], used[-1] + 1)
    highest = max(amount for _, amount, _ in parts)
    rows = [
        (day[0][0].split()[0], [build_cell(*day[hour][1:], highest) for hour in shown])
        for day in days
    ]
    return HeatTable([f"{hour:02}" for hour in shown], rows)


def build_cell(amount: Decimal, before: Decimal, highest: Decimal) -> HeatCell:
    money = current_tenant().quantize_amount
    share = amount / highest if highest > 0 and amount > 0 else Decimal(0)
    # Any sale is lighter or darker, but not white.
    level = -(-int(share * 100) * LEVELS // 100) if share else 0
    return HeatCell(
        str(money(amount)) if amount else "",
        str(money(before)),
        max(level, 1) if share else 0,
    )
