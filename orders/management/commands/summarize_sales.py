"""`manage.py summarize_sales`: summarize the sales of each hour again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.terminal import find_tenant
from orders.services.reports.summary import is_available, rebuild_summary
from tenants.models import Tenant
from tenants.scope import tenant_context


class Command(BaseCommand):
    help = (
        "Summarizes the sales of each hour again, for reports of long periods. The relay does this "
        "hour by hour. On SQLite, reports do not need it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", help="slug of one shop; all shops if omitted")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["tenant"]
        tenants = [find_tenant(slug)] if slug else list(Tenant.objects.order_by("slug"))
        for tenant in tenants if is_available() else []:
            with tenant_context(tenant):
                rebuild_summary()
        self.stdout.write(f"Summarized the sales of {len(tenants)} shops.")
