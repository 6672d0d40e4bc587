"""Dashboard panels: users logged in now, and security figures."""

from typing import Any

from accounts.admin_site.site import Panel, shop_site
from accounts.models import AuthSession, User
from accounts.services.metrics import compute_metrics

MAX_SHOWN_USERS = 12


@shop_site.panel(position=20)
def logged_in_users_panel(user: User) -> Panel:
    """Build the panel of users logged in now, each with the session used last."""
    log_ins = AuthSession.objects.live().select_related("user", "register")
    latest: dict[Any, AuthSession] = {}
    for log_in in log_ins.order_by("-last_used_at", "-id")[: MAX_SHOWN_USERS * 10]:
        latest.setdefault(log_in.user_id, log_in)
    people = list(latest.values())
    facts = {"people": people[:MAX_SHOWN_USERS], "more": len(people) - MAX_SHOWN_USERS}
    return Panel("admin/shop/logged_in_users.html", facts)


@shop_site.panel(position=30)
def security_panel(user: User) -> Panel:
    """Build the security panel, with the same figures as `GET auth/metrics/`."""
    return Panel("admin/shop/security.html", {"metrics": compute_metrics()})
