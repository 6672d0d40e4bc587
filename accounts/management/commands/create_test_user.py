"""Create a test user."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.terminal import find_tenant, refusals_as_command_errors
from accounts.models import Role
from accounts.services.test_users import create_test_user
from tenants.scope import tenant_context

# Reserved for documentation (RFC 2606): no mail ever arrives there.
DOMAIN = "till.example"


class Command(BaseCommand):
    help = "Creates a test user named test1, test2 and so on. Only with DEBUG."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--prefix", default="test", help="username without the number")
        parser.add_argument("--domain", default=DOMAIN, help="domain of the e-mail address")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Test users can only be created while DEBUG is on.")
        tenant = find_tenant(options["tenant"])
        with refusals_as_command_errors(), tenant_context(tenant):
            user, password = create_test_user(
                role=Role(options["role"]), prefix=options["prefix"], domain=options["domain"]
            )
        self.stdout.write(f"Created the {user.role} {user.username} of {tenant.slug}.")
        self.stdout.write(f"E-mail address: {user.email}")
        self.stdout.write(f"Password, shown this once: {password}")
