"""Replays of sixty real baskets."""

from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.tools.replay_baskets.command import Command
from tests.tools.replay_baskets.files import read_baskets

DATA = Path(__file__).parents[1] / "data"


def replay(url: str, folder: Path = DATA, **options) -> str:
    """Run a replay that must succeed; return its output."""
    out = StringIO()
    call_command(Command(), folder, url=url, stdout=out, **options)
    return out.getvalue()


def replay_with_problems(url: str, folder: Path = DATA, **options) -> tuple[str, str]:
    """Run a replay that must fail; return its output and its error message."""
    out = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command(Command(), folder, url=url, stdout=out, **options)
    assert refusal.value.returncode == 1
    return out.getvalue(), str(refusal.value)


def total(folder: Path) -> Decimal:
    """Return the total of the first four baskets."""
    return sum((basket.paid for basket in read_baskets(folder, 4)), Decimal(0))


def in_shop(slug: str = "replay"):
    return tenant_scope(Tenant.objects.get(slug=slug))
