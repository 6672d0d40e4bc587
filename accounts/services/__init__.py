"""What is done by and to the people of a shop."""

from accounts.services.people import (
    change_own_password,
    change_role,
    create_user,
    edit_user,
    log_out_by_staff,
    reset_password,
    set_activation,
)
from accounts.services.pruning import prune
from accounts.services.sessions import (
    Origin,
    end_own_session,
    log_in,
    log_out,
    log_out_everywhere,
    reauthenticate,
    refresh,
    session_of,
    start_session,
)
from accounts.services.shops import open_shop

__all__ = [
    "Origin",
    "change_own_password",
    "change_role",
    "create_user",
    "edit_user",
    "end_own_session",
    "log_in",
    "log_out",
    "log_out_by_staff",
    "log_out_everywhere",
    "open_shop",
    "prune",
    "reauthenticate",
    "refresh",
    "reset_password",
    "session_of",
    "set_activation",
    "start_session",
]
