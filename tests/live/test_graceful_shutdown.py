"""SIGTERM while many tills sell: what was answered is done, what was not is asked again."""

import signal
import time

import pytest

from tests.support.live.invariants import ensure_whole
from tests.support.live.ledger import ensure_every_key_finds_its_deed, ensure_told_is_kept
from tests.support.live.load import Crowd
from tests.support.live.server import TOGETHER, serving

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

REQUESTS = 120
# More than the 30 seconds that a request may take to end, of which ours need none.
LONGEST = 40.0


def test_server_and_relay_finish_what_they_do_and_the_next_server_does_the_rest(
    clerks, server, shop, tmp_path
):
    with serving(tmp_path, TOGETHER, WEB_CONCURRENCY="2") as first:
        people = clerks(first)
        with Crowd(people, REQUESTS) as crowd:
            assert crowd.goes_on(REQUESTS // 3)

            began = time.monotonic()
            first.popen.send_signal(signal.SIGTERM)
            for clerk in people:
                for person in (clerk.till, clerk.chief):
                    person.client.server = server
            code = first.stop()
            seconds = time.monotonic() - began
            told = crowd.end()

        assert code == 0
        assert seconds < LONGEST
        assert len(first.said("relay_stopped")) == 1
    ensure_every_key_finds_its_deed(told, shop)
    ensure_whole(shop)
    ensure_told_is_kept(told, shop)
