from collections.abc import Iterator
from typing import Any

import pytest

from tenants.database.postgres import pipeline


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Return the statements of each message sent to PostgreSQL."""
    sent: list[Any] = []
    exchange = pipeline.PreparedConnection.exchange

    def record(link: Any, calls: Any) -> Any:
        sent.append([statement for statement, _ in calls])
        return exchange(link, calls)

    monkeypatch.setattr(pipeline.PreparedConnection, "exchange", record)
    return sent
