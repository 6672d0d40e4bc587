"""The terminal of docs/guide/terminal.md runs unchanged against a server with the demo shop."""

import subprocess
import sys

import pytest

from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER
from orders.models import Order, Refund, Shift
from tenants.scope import across_tenants
from tests.docs.pages import blocks
from tests.docs.test_shell_blocks import DOCUMENTED_SERVER, server  # noqa: F401
from tests.support.discovery import ROOT

PAGE = ROOT / "docs/guide/terminal.md"
MAX_LINES = 150


@pytest.mark.once
@pytest.mark.live
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_terminal_of_the_guide_runs(server, tmp_path):  # noqa: F811
    ensure_demo_shop(CORNER)
    (program,) = (each.text for each in blocks(PAGE) if each.language == "python")
    assert DOCUMENTED_SERVER in program
    assert len([line for line in program.splitlines() if line.strip()]) <= MAX_LINES
    path = tmp_path / "terminal.py"
    path.write_text(program.replace(DOCUMENTED_SERVER, f"http://127.0.0.1:{server.port}"), "utf-8")

    ran = subprocess.run(
        [sys.executable, str(path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stdout.splitlines()[-1] == "closed"
    # The order, and the offline sale.
    assert "changed orders 2" in ran.stdout
    with across_tenants():
        orders = Order.objects.order_by("created_at")
        assert [order.status for order in orders] == ["partially_refunded", "completed"]
        assert orders[1].device_sequence == 1
        assert Refund.objects.count() == 1
        assert Shift.objects.get().status == "closed"
