"""Shared options, prompts and errors of management commands."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getpass

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from tenants.exceptions import DomainError
from tenants.models import Tenant

PASSWORD_VARIABLE = "TILL_PASSWORD"  # noqa: S105


def add_password_option(parser: ArgumentParser) -> None:
    """Add --password-stdin. Arguments are visible to all users of the machine, so no --password."""
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help=f"read the password from the first line of standard input; otherwise from "
        f"{PASSWORD_VARIABLE} or the prompt; without any, a temporary password is created",
    )


def get_password(*, from_stdin: bool) -> str | None:
    """Return the password from stdin, environment or prompt; None for a temporary one."""
    if from_stdin:
        return read_password_from_stdin()
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    return prompt_password() if sys.stdin.isatty() else None


def read_password_from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise CommandError("Standard input contains no password.")
    return password


def prompt_password() -> str | None:
    password = getpass("Password (empty for a temporary one): ")
    if password and getpass("Password (again): ") != password:
        raise CommandError("The two passwords differ.")
    return password or None


def find_tenant(slug: str) -> Tenant:
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"There is no tenant {slug}.")
    return tenant


@contextmanager
def refusals_as_command_errors() -> Iterator[None]:
    """Convert domain and validation errors to CommandError."""
    try:
        yield
    except DomainError as refusal:
        reasons = [f"{error.field}: {error.detail}" for error in refusal.errors]
        raise CommandError("\n".join([str(refusal), *reasons])) from refusal
    except ValidationError as refusal:
        reasons = [f"{field}: {' '.join(texts)}" for field, texts in refusal.message_dict.items()]
        raise CommandError("\n".join(reasons)) from refusal
