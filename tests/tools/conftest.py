"""A scripted gateway for the tests of the tools."""

import pytest

from tests.support.gateway import ScriptedGateway, install_gateway


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Install a scripted gateway instead of the configured one."""
    return install_gateway(monkeypatch)
