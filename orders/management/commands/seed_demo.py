"""`manage.py seed_demo`: create two demo shops with public passwords."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.core.management.base import CommandParser

from accounts.models import Pin, User, build_username_key
from orders.management.demo.first_sale import build_first_sale
from orders.management.demo.plan import DemoShop, DemoUser
from orders.management.demo.setup import ensure_demo_shop
from orders.management.demo.shops import CORNER, SHOPS
from tenants.models import Register, Tenant
from tenants.scope import tenant_scope

CHANGED = "(changed)"
MILK = "9520010000032"
HEADINGS = ("tenant", "role", "username", "password", "pin", "name")


class Command(BaseCommand):
    help = "Create two demo shops, unless they exist, and print their log-ins."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default="http://127.0.0.1:8000", help="where Till runs")
        parser.add_argument(
            "--force",
            action="store_true",
            help="also with DEBUG off, although the passwords are public",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not (settings.DEBUG or options["force"]):
            raise CommandError(
                "DEBUG is off, and the passwords of the demo shops are public. "
                "Use --force if nobody else can reach this installation."
            )
        self.stdout.write(f"The register, in a browser: {options['url']}/till/\n")
        for plan in SHOPS:
            state = (
                "created"
                if ensure_demo_shop(plan, with_sales=True)
                else "already exists, nothing changed"
            )
            self.stdout.write(f"Demo shop {plan.slug} ({plan.settings['name']}): {state}.")
        self.stdout.write(
            "\n" + table([HEADINGS, *(row for plan in SHOPS for row in list_log_ins(plan))])
        )
        self.stdout.write(f"\nThe admin, for managers and admins: {options['url']}/admin/")
        self.stdout.write("\nThe first sale, to paste into a shell while Till runs:\n")
        self.stdout.write(format_first_sale(options["url"]))


def list_log_ins(plan: DemoShop) -> list[tuple[str, ...]]:
    with tenant_scope(Tenant.objects.get(slug=plan.slug)):
        return [
            (
                plan.slug,
                person.role,
                person.username,
                get_demo_password(person),
                get_demo_pin(person),
                person.display_name,
            )
            for person in plan.people
        ]


def get_demo_password(person: DemoUser) -> str:
    """Return the demo password, or `(changed)` if the user has changed it."""
    user = find_user(person)
    return person.password if user and user.check_password(person.password) else CHANGED


def get_demo_pin(person: DemoUser) -> str:
    """Return the demo PIN, or `(changed)`; demo shops of an older version have none."""
    pin = Pin.objects.filter(user=find_user(person)).first()
    if pin is None or person.pin is None:
        return "-"
    return person.pin if pin.check_digits(person.pin) else CHANGED


def find_user(person: DemoUser) -> User | None:
    return User.objects.active().filter(username_key=build_username_key(person.username)).first()


def format_first_sale(url: str) -> str:
    with tenant_scope(Tenant.objects.get(slug=CORNER.slug)):
        return build_first_sale(CORNER, Register.objects.earliest("number"), barcode=MILK, url=url)


def table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
