"""`manage.py verify_chain`: verify the hash chain of every register."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.management.commands.check_stock import select_tenants
from orders.services.verification import verify_chains
from tenants.models import Tenant
from tenants.scope import tenant_scope


class Command(BaseCommand):
    help = (
        "Verifies the hash chain of receipts, refunds and Z reports of every register. Prints "
        "entries that were changed, removed or added, and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="slug of one shop; all shops if omitted")

    def handle(self, *args: Any, **options: Any) -> None:
        found = sum(self.write_findings(tenant) for tenant in select_tenants(options["tenant"]))
        if found:
            raise CommandError(f"{found} findings: the hash chain is not intact.")
        self.stdout.write("All hash chains are intact.")

    def write_findings(self, tenant: Tenant) -> int:
        """Print the findings of one shop; return their number."""
        count = 0
        with tenant_scope(tenant):
            for each in verify_chains():
                place = "" if each.sequence is None else str(each.sequence)
                columns = tenant.slug, str(each.register), place, each.kind, each.problem
                self.stdout.write("\t".join(columns))
                count += 1
        return count
