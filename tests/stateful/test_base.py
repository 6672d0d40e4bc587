"""A failing state machine reports quickly and briefly."""

import pytest
import structlog
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import rule

from tests.stateful import base
from tests.stateful.base import Machine, run

log = structlog.get_logger("till.access")
pytestmark = [pytest.mark.once, pytest.mark.django_db]


class FailingMachine(Machine):
    deadlines = []

    @rule(number=st.integers(0, 1_000))
    def step(self, number):
        log.info("request", number=number)
        self.deadlines.append(engine.MAX_SHRINKING_SECONDS)
        assert number < 7


def test_failure_is_shrunk_for_some_seconds_without_logs(caplog, capsys):
    with pytest.raises(AssertionError) as failure:
        run(FailingMachine)

    assert set(FailingMachine.deadlines) == {base.SHRINKING_SECONDS}
    assert caplog.text == "".join(capsys.readouterr()) == ""
    assert "state.step(number=7)" in "\n".join(failure.value.__notes__)


def test_requests_are_logged_after_the_run(caplog):
    with pytest.raises(AssertionError):
        run(FailingMachine)

    log.info("afterwards")

    assert "afterwards" in caplog.text
