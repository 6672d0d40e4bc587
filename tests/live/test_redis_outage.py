"""Redis goes away, says nothing, and comes back: people log in and sell all the while."""

import pytest

from tests.support.api import Api
from tests.support.live.http_client import connect_to_server
from tests.support.till import cash, line
from tests.support.users import LOG_IN, build_credentials

pytestmark = [
    pytest.mark.live,
    pytest.mark.redis,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]


@pytest.mark.parametrize(("away", "back"), [("refuse", "come_back"), ("hold", "let_go")])
def test_without_redis_people_log_in_and_sell_and_guess_no_more_often(
    away, back, till, product, proxied_server
):
    connect_to_server(proxied_server.server, till)
    anybody = connect_to_server(proxied_server.server, Api())
    getattr(proxied_server.redis, away)()

    in_, out = (
        anybody.post(LOG_IN, build_credentials()),
        proxied_server.server.status("/health/ready/"),
    )
    guesses = [anybody.post(LOG_IN, build_credentials(password=f"wrong {n}")) for n in range(7)]
    sold = till.sell(line(product), payments=[cash("2.50")])
    getattr(proxied_server.redis, back)()

    assert in_.status_code == 200
    assert [each.status_code for each in guesses] == [401] * 5 + [429] * 2
    assert sold.status_code == 201
    assert out == 200, "nobody takes it out of service for that"
    assert proxied_server.server.is_live()
    assert proxied_server.server.is_ready()
