"""Sessions page."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import Truncator

from accounts.admin.pages import RecordAdmin
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, Role
from accounts.services.browser_sessions import end_session
from tenants.exceptions import DomainError

MAX_DEVICE_LENGTH = 60


class SessionStateFilter(admin.SimpleListFilter):
    """Filter by state; active sessions by default."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("ended", "Ended"), ("any", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Active"}
        yield from others

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "any":
            return queryset
        now = timezone.now()
        is_open = Q(revoked_at=None, expires_at__gt=now, idle_expires_at__gt=now)
        return queryset.exclude(is_open) if self.value() == "ended" else queryset.filter(is_open)


@admin.register(AuthSession, site=shop_site)
class LogInAdmin(RecordAdmin):
    """The user's own sessions and those of users they may manage. Sessions can be ended here."""

    list_display = ("user", "device", "ip", "created_at", "last_used_at", "state")
    list_display_links = ("device",)
    list_select_related = ("user",)
    list_filter = (SessionStateFilter,)
    fields = (
        "user",
        "user_agent",
        "method",
        "ip",
        "created_at",
        "last_used_at",
        "state",
        "ended_at",
    )
    actions = ("end",)

    def get_queryset(self, request: Any) -> QuerySet[Any]:
        user, log_ins = request.user, AuthSession.objects.get_queryset()
        if user.is_at_least(Role.ADMIN):
            return log_ins
        return log_ins.filter(Q(user=user) | Q(user__role=Role.CASHIER))

    @admin.display(description="Device")
    def device(self, log_in: AuthSession) -> str:
        return Truncator(log_in.user_agent or "Unknown device").chars(MAX_DEVICE_LENGTH)

    @admin.display(description="State")
    def state(self, log_in: AuthSession) -> str:
        if log_in.revoked_at:
            return log_in.get_revoke_reason_display()
        return "Active" if log_in.is_live(timezone.now()) else "Expired"

    @admin.display(description="Ended at")
    def ended_at(self, log_in: AuthSession) -> Any:
        return log_in.revoked_at

    @admin.action(description="End the selected sessions")
    def end(self, request: HttpRequest, log_ins: QuerySet[Any]) -> None:
        for log_in in log_ins:
            try:
                end_session(session=log_in, by=request.user)
            except DomainError as refusal:
                self.message_user(request, f"{log_in.user}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"A session of {log_in.user} was ended.")
