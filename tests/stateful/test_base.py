"""That a machine which fails says so soon and briefly."""

import pytest
import structlog
from hypothesis import strategies as st
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import rule

from tests.stateful import base
from tests.stateful.base import Machine, run

log = structlog.get_logger("till.access")
pytestmark = [pytest.mark.once, pytest.mark.django_db]


class Failing(Machine):
    deadlines = []

    @rule(number=st.integers(0, 1_000))
    def step(self, number):
        log.info("request", number=number)
        self.deadlines.append(engine.MAX_SHRINKING_SECONDS)
        assert number < 7


def test_a_failure_is_shrunk_for_seconds_and_logs_nothing(caplog, capsys):
    with pytest.raises(AssertionError) as failure:
        run(Failing)

    assert set(Failing.deadlines) == {base.SHRINKING_SECONDS}
    assert caplog.text == "".join(capsys.readouterr()) == ""
    assert "state.step(number=7)" in "\n".join(failure.value.__notes__)


def test_requests_are_logged_again_afterwards(caplog):
    with pytest.raises(AssertionError):
        run(Failing)

    log.info("afterwards")

    assert "afterwards" in caplog.text
