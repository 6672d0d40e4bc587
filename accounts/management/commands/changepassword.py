"""Change the password of a platform user."""

from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.models import User
from accounts.services.login_attempts import PLATFORM, clear_failures
from tenants import audit


class Command(changepassword.Command):
    help = "Changes the password of a platform user and clears lockouts."

    def handle(self, *args: Any, **options: Any) -> Any:
        changed = super().handle(*args, **options)
        person = User.objects.get_by_natural_key(options["username"])
        audit.record_for_platform("password_reset", target=person)
        clear_failures(PLATFORM, person.username)
        return changed
