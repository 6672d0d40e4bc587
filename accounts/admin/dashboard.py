"""The people's part of the start page: who is here, and what was tried at the door."""

from typing import Any

from accounts.admin_site.site import Panel, shop_site
from accounts.models import AuthSession, User
from accounts.services.metrics import compute_metrics

MAX_SHOWN_USERS = 12


@shop_site.panel(position=20)
def logged_in_users_panel(user: User) -> Panel:
    """Who is logged in now: each person once, with the log-in used last."""
    log_ins = AuthSession.objects.live().select_related("user", "register")
    latest: dict[Any, AuthSession] = {}
    for log_in in log_ins.order_by("-last_used_at", "-id")[: MAX_SHOWN_USERS * 10]:
        latest.setdefault(log_in.user_id, log_in)
    people = list(latest.values())
    facts = {"people": people[:MAX_SHOWN_USERS], "more": len(people) - MAX_SHOWN_USERS}
    return Panel("admin/shop/people_here.html", facts)


@shop_site.panel(position=30)
def security_panel(user: User) -> Panel:
    """What a look at the locks would tell: the same figures as the API's."""
    return Panel("admin/shop/at_the_door.html", {"metrics": compute_metrics()})
