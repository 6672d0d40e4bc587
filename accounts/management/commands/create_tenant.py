"""Create a tenant."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.terminal import (
    add_password_option,
    get_password,
    refusals_as_command_errors,
)
from accounts.services.signup import create_shop


class Command(BaseCommand):
    help = "Creates a tenant with its first store, register and admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--slug", required=True, help="name of the tenant at log-in")
        parser.add_argument("--name", required=True)
        parser.add_argument("--currency", required=True, help="ISO 4217, for example EUR")
        parser.add_argument("--timezone", default="UTC", help="for example Europe/Berlin")
        parser.add_argument("--admin-username", required=True)
        parser.add_argument("--admin-email", required=True)
        add_password_option(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = {name: options[name] for name in ("slug", "name", "currency", "timezone")}
        admin = {"username": options["admin_username"], "email": options["admin_email"]}
        password = get_password(from_stdin=options["password_stdin"])
        if password is not None:
            admin["password"] = password
        with refusals_as_command_errors():
            shop, user, temporary = create_shop(tenant=tenant, admin=admin)
        self.stdout.write(f"Opened {shop.slug} with the admin {user.username}.")
        if temporary:
            self.stdout.write(f"Temporary password, shown this once: {temporary}")
