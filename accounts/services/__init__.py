"""What is done by and to the people of a shop."""

from accounts.services.approvals import (
    decide,
    request_approval,
    spend_approval,
    use_approval,
)
from accounts.services.attempts import count_sign_up, forgive_guesses
from accounts.services.browsers import browser_session, end_session, log_in_browser
from accounts.services.changes import changes_for
from accounts.services.deciders import Credentials, PasswordOf, PinOf
from accounts.services.logging_in import Origin, log_in, start_session
from accounts.services.people import (
    change_own_password,
    change_role,
    create_user,
    edit_user,
    log_out_by_staff,
    reset_password,
    set_activation,
)
from accounts.services.pins import (
    checked_pin,
    log_in_by_pin,
    people_offered_at,
    remove_pin,
    set_pin,
)
from accounts.services.pruning import prune
from accounts.services.reauth import reauthenticate, reauthenticate_by_pin
from accounts.services.refusals import note_refusal
from accounts.services.revoking import revoke
from accounts.services.sessions import (
    end_own_session,
    log_out,
    log_out_everywhere,
    refresh,
    session_of,
)
from accounts.services.shops import open_shop, sign_up
from accounts.services.terminals import (
    end_sessions_of_closed,
    pair_terminal,
    terminal_of,
    unpair_terminal,
)
from accounts.services.trial import create_test_user

__all__ = [
    "Credentials",
    "Origin",
    "PasswordOf",
    "PinOf",
    "browser_session",
    "change_own_password",
    "change_role",
    "changes_for",
    "checked_pin",
    "count_sign_up",
    "create_test_user",
    "create_user",
    "decide",
    "edit_user",
    "end_own_session",
    "end_session",
    "end_sessions_of_closed",
    "forgive_guesses",
    "log_in",
    "log_in_browser",
    "log_in_by_pin",
    "log_out",
    "log_out_by_staff",
    "log_out_everywhere",
    "note_refusal",
    "open_shop",
    "pair_terminal",
    "people_offered_at",
    "prune",
    "reauthenticate",
    "reauthenticate_by_pin",
    "refresh",
    "remove_pin",
    "request_approval",
    "reset_password",
    "revoke",
    "session_of",
    "set_activation",
    "set_pin",
    "sign_up",
    "spend_approval",
    "start_session",
    "terminal_of",
    "unpair_terminal",
    "use_approval",
]
