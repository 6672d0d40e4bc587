"""Create a test user."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.management.terminal import (
    find_tenant,
    read_password_from_stdin,
    refusals_as_command_errors,
)
from accounts.models import Role, User
from accounts.services.test_users import create_test_user, find_by_email
from accounts.services.users import overwrite_user
from tenants.models import Tenant
from tenants.scope import tenant_context

# Reserved for documentation (RFC 2606): no mail ever arrives there.
DOMAIN = "till.example"


class Command(BaseCommand):
    help = (
        "Creates a test user named test1, test2 and so on. Only with DEBUG. If the e-mail address "
        "is used, prints its user and changes nothing, unless --force is given."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--prefix", default="test", help="username without the number")
        parser.add_argument("--domain", default=DOMAIN, help="domain of the e-mail address")
        parser.add_argument("--email", default="", help="e-mail address, instead of a new one")
        parser.add_argument("--full-name", default="", help="name that is shown to others")
        parser.add_argument(
            "--password-stdin",
            action="store_true",
            help="read the password from the first line of standard input; otherwise one is made",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="set role, name and password of an existing user with this e-mail address",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Test users can only be created while DEBUG is on.")
        tenant = find_tenant(options["tenant"])
        password = read_password_from_stdin() if options["password_stdin"] else None
        with refusals_as_command_errors(), tenant_context(tenant):
            known = find_by_email(options["email"])
            if known is not None and not options["force"]:
                self.report("Nothing changed. There is already", known, tenant)
            elif known is not None:
                self.overwrite(known, tenant, password, options)
            else:
                self.create(tenant, password, options)

    def create(self, tenant: Tenant, password: str | None, options: dict[str, Any]) -> None:
        user, generated = create_test_user(
            role=Role(options["role"]),
            prefix=options["prefix"],
            domain=options["domain"],
            email=options["email"],
            display_name=options["full_name"],
            password=password,
        )
        self.report("Created", user, tenant)
        self.show_password(generated)

    def overwrite(
        self, user: User, tenant: Tenant, password: str | None, options: dict[str, Any]
    ) -> None:
        user, generated = overwrite_user(
            user_id=user.pk,
            role=Role(options["role"]),
            display_name=options["full_name"] or user.display_name,
            password=password,
        )
        self.report("Changed", user, tenant)
        self.show_password(generated)

    def report(self, what: str, user: User, tenant: Tenant) -> None:
        self.stdout.write(f"{what} the {user.role} {user.username} of {tenant.slug}.")
        self.stdout.write(f"E-mail address: {user.email}")
        if user.display_name:
            self.stdout.write(f"Full name: {user.display_name}")

    def show_password(self, generated: str | None) -> None:
        if generated is not None:
            self.stdout.write(f"Password, shown this once: {generated}")
