"""State machines that act at random, compared with simple models.

Amounts in a model are whole cents, quantities whole units. Set FUZZ_EXAMPLES for longer runs.
A failure is reported within a minute and briefly: because one run is dozens of requests, Hypothesis
would otherwise shrink for five minutes, and the log would hide the few lines about the failure.
"""

import logging
import os
from typing import Any
from unittest.mock import patch

from django.core.cache import cache
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.support.stored_rows import begin_undo

FUZZ_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
RUNS = settings(
    max_examples=FUZZ_EXAMPLES or 6,
    stateful_step_count=50 if FUZZ_EXAMPLES else 20,
    derandomize=not FUZZ_EXAMPLES,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
# Hypothesis has no setting for it, so a module attribute is patched.
SHRINKING_SECONDS = 20


class Machine(RuleBasedStateMachine):
    """A state machine that undoes its changes after each run."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = begin_undo()
        cache.clear()

    def teardown(self) -> None:
        self.undo()


def run(machine: type[Machine], **attributes: Any) -> None:
    """Run the machine with the given class attributes."""
    log = logging.getLogger("till")
    log.setLevel(logging.ERROR)
    try:
        with patch.object(engine, "MAX_SHRINKING_SECONDS", SHRINKING_SECONDS):
            run_state_machine_as_test(type(machine.__name__, (machine,), attributes), settings=RUNS)
    finally:
        log.setLevel(logging.NOTSET)


def money(cents: int) -> str:
    sign, cents = "-" if cents < 0 else "", abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"


def cents(text: str) -> int:
    units, _, fraction = text.partition(".")
    assert len(fraction) == 2, text
    return int(units + fraction)


def refusal_code(response: Any, status: int) -> str:
    """Assert the status of a refusal, and return its code."""
    assert response.status_code == status, response.content
    code: str = response.json()["code"]
    return code
