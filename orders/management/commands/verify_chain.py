"""Is what was sealed still what the books say? For a timer, for an auditor, and for a doubt."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orders.management.commands.check_stock import select_tenants
from orders.services.verification import Finding, verify_chains
from tenants.models import Tenant
from tenants.scope import tenant_scope


class Command(BaseCommand):
    help = (
        "Walks the chain of every register: receipts, refunds and Z reports, each sealed with the "
        "one before. Prints whatever was changed, left out or added, and then exits with 1."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="the slug of one shop; without it, all of them")

    def handle(self, *args: Any, **options: Any) -> None:
        found = sum(self.write_findings(tenant) for tenant in select_tenants(options["tenant"]))
        if found:
            raise CommandError(f"{found} findings: the chain is not whole.")
        self.stdout.write("All chains are whole.")

    def write_findings(self, tenant: Tenant) -> int:
        """Of one shop; gives how many there are."""
        count = 0
        with tenant_scope(tenant):
            for each in verify_chains():
                self.stdout.write(f"{tenant.slug}\t{format_finding(each)}")
                count += 1
        return count


def format_finding(each: Finding) -> str:
    sequence = "" if each.sequence is None else str(each.sequence)
    return f"{each.register}\t{sequence}\t{each.kind}\t{each.problem}"
