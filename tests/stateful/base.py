"""Machines that do at random what people do, beside a model that knows nothing of the till.

Amounts in a model are whole cents, quantities whole pieces. Set FUZZ_EXAMPLES for longer runs.

A failure is reported within a minute and in some dozens of lines: one run is dozens of requests, so
that Hypothesis would shrink for five minutes and then look for lines that only failures run, and
the log of all those requests has thousands of lines, few of them about the steps that fail.
"""

import logging
import os
from typing import Any
from unittest.mock import patch

from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

DEPTH = int(os.environ.get("FUZZ_EXAMPLES", "0"))
RUNS = settings(
    max_examples=DEPTH or 6,
    stateful_step_count=50 if DEPTH else 20,
    derandomize=not DEPTH,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
# Hypothesis has no setting for it.
SHRINKING_SECONDS = 20


class Machine(RuleBasedStateMachine):
    """A run of it begins in the shop of the test, and leaves nothing behind there."""

    def __init__(self) -> None:
        super().__init__()
        self.before = transaction.savepoint()
        cache.clear()

    def teardown(self) -> None:
        transaction.savepoint_rollback(self.before)


def run(machine: type[Machine], **world: Any) -> None:
    """Have it run with the things of the test as its own."""
    log = logging.getLogger("till")
    log.setLevel(logging.ERROR)
    try:
        with patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS):
            run_state_machine_as_test(type(machine.__name__, (machine,), world), settings=RUNS)
    finally:
        log.setLevel(logging.NOTSET)


def money(cents: int) -> str:
    sign, cents = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"


def cents(text: str) -> int:
    units, _, fraction = text.partition(".")
    assert len(fraction) == 2, text
    return int(units + fraction)


def code_of(response: Any, status: int) -> str:
    """The code of a refusal."""
    assert response.status_code == status, response.content
    code: str = response.json()["code"]
    return code
