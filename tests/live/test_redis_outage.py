"""Redis outages: users log in and sell, and rate limits stay the same."""

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


@pytest.mark.parametrize(("fail", "recover"), [("refuse", "come_back"), ("hold", "resume")])
def test_log_in_sale_and_rate_limits_work_without_redis(
    fail, recover, till, product, proxied_server
):
    connect_to_server(proxied_server.server, till)
    anonymous = connect_to_server(proxied_server.server, Api())
    getattr(proxied_server.redis, fail)()

    logged_in, readiness = (
        anonymous.post(LOG_IN, build_credentials()),
        proxied_server.server.status("/health/ready/"),
    )
    guesses = [anonymous.post(LOG_IN, build_credentials(password=f"wrong {n}")) for n in range(7)]
    sold = till.sell(line(product), payments=[cash("2.50")])
    getattr(proxied_server.redis, recover)()

    assert logged_in.status_code == 200
    assert [each.status_code for each in guesses] == [401] * 5 + [429] * 2
    assert sold.status_code == 201
    assert readiness == 200, "the server must stay in service without Redis"
    assert proxied_server.server.is_live()
    assert proxied_server.server.is_ready()
