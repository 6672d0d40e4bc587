"""Terminals and store assignments pages."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest

from accounts.admin.pages import RecordAdmin, ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, Posting, Role, Terminal
from accounts.services.terminals import unpair_terminal
from accounts.services.users import edit_user
from tenants.exceptions import DomainError
from tenants.models import Store


class PairedFilter(admin.SimpleListFilter):
    """Filter by state; paired terminals by default."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("any", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Paired"}
        yield from others

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset if self.value() == "any" else queryset.paired()


@admin.register(Terminal, site=shop_site)
class TerminalAdmin(RecordAdmin):
    """Paired and former terminals, newest first."""

    list_display = (
        "register", "device_name", "app_version", "last_use", "paired_by", "created_at", "state",
    )  # fmt: skip
    list_filter = (PairedFilter,)
    list_select_related = ("register", "paired_by")
    fields = (
        "register", "device_name", "app_version", "last_use", "paired_by", "created_at", "state",
        "unpaired_at",
    )  # fmt: skip
    actions = ("unpair",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        sessions = AuthSession.objects.filter(terminal=OuterRef("pk")).order_by("-last_used_at")
        last_use = Subquery(sessions.values("last_used_at")[:1])
        return super().get_queryset(request).annotate(last_use=last_use)

    @admin.display(description="Last use")
    def last_use(self, terminal: Any) -> Any:
        """Return when a session at the terminal last sent a request."""
        return terminal.last_use

    @admin.display(description="State")
    def state(self, terminal: Terminal) -> str:
        return "Unpaired" if terminal.unpaired_at else "Paired"

    def get_title(self, row: Terminal) -> str:
        return f"Terminal of {row.register}"

    @admin.action(description="Unpair the selected terminals and end their sessions")
    def unpair(self, request: HttpRequest, terminals: QuerySet[Any]) -> None:
        for terminal in terminals.paired():
            try:
                unpair_terminal(register_id=terminal.register_id, by=request.user)
            except DomainError as refusal:
                self.message_user(request, f"{terminal.register}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{terminal.register}: terminal unpaired.")


@admin.register(Posting, site=shop_site)
class StoreAssignmentAdmin(ShopAdmin):
    """Assignments of users to stores. Users without assignments work in all stores."""

    view_role = Role.MANAGER
    list_display = ("user", "store", "created_at")
    list_select_related = ("user", "store")
    sortable_by = ()
    ordering = ("user__username_key", "store__name", "id")
    fields = ("user", "store", "created_at")
    actions = ("end",)

    def get_queryset(self, request: Any) -> QuerySet[Any]:
        """Return one's own assignments and those of users one may manage."""
        user = request.user
        postings = super().get_queryset(request).filter(user__is_service=False)
        if user.is_at_least(Role.ADMIN):
            return postings
        return postings.filter(Q(user=user) | Q(user__role=Role.CASHIER))

    def get_title(self, row: Posting) -> str:
        return f"{row.user} at {row.store}"

    @admin.action(
        description="Remove the selected store assignments (never the last one of a user)"
    )
    def end(self, request: HttpRequest, postings: QuerySet[Any]) -> None:
        """Remove assignments, but never all of a user's, as that would allow all stores."""
        ended: dict[Any, list[Posting]] = {}
        for posting in postings:
            ended.setdefault(posting.user, []).append(posting)
        for person, chosen in ended.items():
            level, outcome = self.outcome(person, chosen, by=request.user)
            self.message_user(request, f"{person}: {outcome}", level)

    def outcome(self, person: Any, chosen: list[Posting], *, by: Any) -> tuple[int, str]:
        stores = Store.objects.filter(pk__in=Posting.objects.filter(user=person).values("store"))
        left = list(stores.exclude(pk__in=[posting.store_id for posting in chosen]))
        if not left:
            return (
                messages.ERROR,
                "the last assignment cannot be removed. Users without one work in all stores.",
            )
        try:
            edit_user(
                user_id=person.pk, changes={"stores": left}, expected_version=person.version, by=by
            )
        except DomainError as refusal:
            return messages.ERROR, str(refusal)
        return messages.SUCCESS, f"now works in {', '.join(map(str, left))}."
