"""A gateway that answers what a test tells it, for the tests of the tools."""

import pytest

from tests.support.gateway import ScriptedGateway, install_gateway


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Install a gateway in place of the one that the settings name."""
    return install_gateway(monkeypatch)
