"""Report of a replay: speed, and comparison of all totals."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from tests.tools.replay_baskets.files import SoldBasket
from tests.tools.replay_baskets.shifts import TillSums, sum_tills
from tests.tools.replay_baskets.shop import Sold
from tests.tools.replay_baskets.tills import Outcome

SHOWN = 5
ALL = "All"


@dataclass(frozen=True)
class Report:
    """Results of a run; `database` and `tills` are the stored totals of these baskets by store
    and in the Z reports."""

    baskets: Sequence[SoldBasket]
    outcomes: Sequence[Outcome]
    database: Mapping[str, Sold]
    tills: Sequence[TillSums]
    seconds: float
    workers: int

    @cached_property
    def refused(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.refusal]

    @cached_property
    def new(self) -> int:
        return sum(outcome.is_new for outcome in self.outcomes)

    @property
    def known(self) -> int:
        return len(self.outcomes) - len(self.refused) - self.new

    @cached_property
    def sums(self) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
        """Return the totals of file, responses and database, by store and in all."""
        file = _sums((basket.store, basket.paid) for basket in self.baskets)
        answers = _sums((each.basket.store, each.paid or Decimal(0)) for each in self.outcomes)
        database = _sums((store, sold.paid) for store, sold in self.database.items())
        names = [*sorted(file), ALL]
        file, answers, database = (_with_all(sums) for sums in (file, answers, database))
        return {name: (file[name], answers[name], database[name]) for name in names}

    def problems(self) -> list[str]:
        """Return the differences of the run, only the first ones of each kind."""
        return [
            *_some("refused", [f"basket {e.basket.id}: {e.refusal}" for e in self.refused]),
            *_some("different", list(self._differences())),
            *self._unsold(),
            *self._wrong_sums(),
            *(problem for till in self.tills for problem in till.problems()),
        ]

    def _differences(self) -> Iterator[str]:
        for outcome in self.outcomes:
            for difference in outcome.differences:
                yield f"basket {outcome.basket.id}: {difference}"

    def _unsold(self) -> Iterator[str]:
        if unanswered := len(self.baskets) - len(self.outcomes):
            yield f"{unanswered} baskets were not sold, because the run was aborted."
        stored = sum(sold.baskets for sold in self.database.values())
        if stored != len(self.baskets):
            yield f"The database has {stored} of {len(self.baskets)} baskets as completed sales."

    def _wrong_sums(self) -> Iterator[str]:
        for name, (file, answers, database) in self.sums.items():
            if answers != file:
                yield f"{_place(name)}: file {file:,.2f}, answers {answers:,.2f}."
            if database != file:
                yield f"{_place(name)}: file {file:,.2f}, database {database:,.2f}."

    def lines(self) -> list[str]:
        return [*self._figures(), "", *self._table(), "", *self._z_reports()]

    def _figures(self) -> Iterator[str]:
        times = sorted(outcome.seconds for outcome in self.outcomes)
        rate = len(times) / self.seconds if self.seconds else 0
        sold = sum(len(basket.lines) for basket in self.baskets)
        yield f"{len(self.baskets):,} baskets, {sold:,} lines, {self.workers} workers"
        yield (
            f"{self.new:,} new, {self.known:,} already sold, {len(self.refused):,} refused, "
            f"{sum(outcome.retries for outcome in self.outcomes):,} retries, "
            f"{sum(outcome.resolved for outcome in self.outcomes):,} payments resolved"
        )
        yield f"{self.seconds:.1f} s, {rate:.1f} requests/s"
        yield ", ".join(f"p{p} {percentile(times, p) * 1000:.0f} ms" for p in (50, 95, 99))

    def _table(self) -> Iterator[str]:
        yield f"{'':10}" + "".join(f"{head:>14}" for head in ("file", "answers", "database"))
        for name, sums in self.sums.items():
            yield f"{_place(name):10}" + "".join(f"{amount:14,.2f}" for amount in sums)

    def _z_reports(self) -> Iterator[str]:
        yield f"{'':20}{'reports':>8}{'file':>14}{'Z reports':>14}"
        for till in [*self.tills, sum_tills(self.tills)]:
            yield f"{till.name:20}{till.reports:8,}{till.file:14,.2f}{till.z:14,.2f}"


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the smallest time that covers this percentage of the times."""
    if not ordered:
        return 0.0
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for store, amount in amounts:
        sums[store] += amount
    return sums


def _with_all(sums: dict[str, Decimal]) -> dict[str, Decimal]:
    sums[ALL] = sum(sums.values(), Decimal(0))
    return sums


def _some(kind: str, found: Sequence[str]) -> list[str]:
    more = [f"... and {len(found) - SHOWN:,} more {kind}."] if len(found) > SHOWN else []
    return [*found[:SHOWN], *more]


def _place(name: str) -> str:
    return name if name == ALL else f"Store {name}"
