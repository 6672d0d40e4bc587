"""Create a user of a tenant."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.terminal import (
    add_password_option,
    find_tenant,
    get_password,
    refusals_as_command_errors,
)
from accounts.models import Role
from accounts.services.users import create_user
from tenants.scope import tenant_scope


class Command(BaseCommand):
    help = "Creates a user of a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--username", required=True)
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--email", default="")
        parser.add_argument("--display-name", default="")
        add_password_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = find_tenant(options["tenant"])
        password = get_password(from_stdin=options["password_stdin"])
        with refusals_as_command_errors(), tenant_scope(tenant):
            user, temporary = create_user(
                username=options["username"],
                role=Role(options["role"]),
                email=options["email"],
                display_name=options["display_name"],
                password=password,
                must_change_password=password is None,
                by=None,
            )
        self.stdout.write(f"Created the {user.role} {user.username} of {tenant.slug}.")
        if temporary:
            self.stdout.write(f"Temporary password, shown this once: {temporary}")
