"""A gateway that answers what a test tells it, for the tests of the tools."""

import pytest

from tests.support.gateway import ScriptedGateway, installed


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Install a gateway in place of the one that the settings name."""
    return installed(monkeypatch)
