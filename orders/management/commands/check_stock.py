"""`manage.py check_stock`: compare stock levels with movements and reservations."""

from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.terminal import find_tenant
from orders.services.stock.consistency import StockDifference, find_stock_differences
from tenants.api.formats import format_number
from tenants.models import Tenant
from tenants.scope import tenant_scope


class Command(BaseCommand):
    help = (
        "Checks that every stock level is the sum of its movements, and that the reserved quantity "
        "matches the pending card payments. Prints differences and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="slug of one shop; all shops if omitted")

    def handle(self, *args: Any, **options: Any) -> None:
        different = sum(
            self.write_differences(tenant) for tenant in select_tenants(options["tenant"])
        )
        if different:
            raise CommandError(
                f"{different} stock levels differ from their movements or reservations."
            )
        self.stdout.write("All stock levels match their movements.")

    def write_differences(self, tenant: Tenant) -> int:
        """Print the differences of one shop; return their number."""
        count = 0
        with tenant_scope(tenant):
            for each in find_stock_differences(tenant):
                self.stdout.write(f"{tenant.slug}\t{format_difference(each)}")
                count += 1
        return count


def select_tenants(slug: str | None) -> Iterable[Tenant]:
    return [find_tenant(slug)] if slug else Tenant.objects.order_by("slug")


def format_difference(each: StockDifference) -> str:
    level, moved = format_number(each.level), format_number(each.moved)
    kept, underway = format_number(each.reserved), format_number(each.underway)
    return (
        f"{each.store}\t{each.sku}\tlevel {level}, movements {moved}\t"
        f"reserved {kept}, payments {underway}"
    )
