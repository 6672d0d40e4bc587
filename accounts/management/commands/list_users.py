"""List the users of a tenant."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.management.terminal import find_tenant
from accounts.models import Role, User
from tenants.api.formats import format_datetime
from tenants.scope import tenant_scope


class Command(BaseCommand):
    help = "Lists the active users of a tenant."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", required=True, help="slug of the tenant")
        parser.add_argument("--role", choices=Role.values)
        parser.add_argument("--inactive", action="store_true", help="list inactive users instead")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        with tenant_scope(find_tenant(options["tenant"])):
            people = User.objects.get_queryset().people().filter(is_active=not options["inactive"])
            if options["role"]:
                people = people.filter(role=options["role"])
            rows = [to_dict(user) for user in people.order_by("username_key")]
        if options["json"]:
            self.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False))
        else:
            for row in rows:
                self.stdout.write("\t".join([row["username"], row["role"], row["email"]]))


def to_dict(user: User) -> dict[str, Any]:
    return {
        "id": str(user.pk),
        "username": user.username,
        "display_name": user.display_name,
        "email": user.email,
        "role": user.role,
        "is_active": user.is_active,
        "must_change_password": user.must_change_password,
        "last_login": format_datetime(user.last_login) if user.last_login else None,
    }
