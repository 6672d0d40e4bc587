"""Tenant admin site for managers and admins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, TypeVar, cast

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import SimpleTemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from accounts.admin_site.login import ShopLogInForm, ThrottledAdminSite
from accounts.admin_site.password import own_password_view
from accounts.models import Role, User
from accounts.services.sessions import log_out
from tenants.scope import retry_on_conflict, tenant_context, tenant_scope

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
# Views that are allowed with a temporary password.
BEFORE_PASSWORD_CHANGE = frozenset({"password_change", "logout", "jsi18n"})
# Views without a transaction around all of them, such as to commit attempt counters even if the
# request fails.
SEVERAL_TRANSACTIONS = frozenset(
    {
        "password_change",
        "orders_storecredit_changelist",
        "orders_receipt_mail",
        "orders_refund_mail",
        "orders_shift_mail",
        # They check the password first, so that a wrong one counts.
        "accounts_servicekey_add",
        "orders_paymentprovider_add",
        "orders_paymentprovider_change",
        "tenants_register_pairing_code",
        # They decode an image first, which takes long.
        "orders_product_add",
        "orders_product_change",
    }
)
# Django views that bypass the checks of the pages.
REMOVED_VIEWS = frozenset({"autocomplete", "view_on_site", "password_change_done"})
POPUP_PARAMETERS = frozenset({"_popup", "_to_field"})
# What the apps are called where people read it.
APPS = {"accounts": "People and rules", "tenants": "Places and records", "orders": "Trade"}


@dataclass(frozen=True)
class Panel:
    """Dashboard panel: template and context."""

    template: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """A page without a model. `links` are its entries in the menu: their texts and queries."""

    route: str
    name: str
    links: Mapping[str, str]
    view: Callable[..., HttpResponseBase]
    group: str


# None leaves the panel out.
PanelBuilder = Callable[[User], Panel | None]


class ShopSite(ThrottledAdminSite):
    """Admin site of the logged-in user's tenant. Only registered pages are available."""

    site_header = site_title = "Till"
    site_url = None
    index_title = "Today"
    empty_value_display = "\N{EN DASH}"
    login_form = ShopLogInForm
    login_template = "admin/shop/log_in.html"
    index_template = "admin/shop/index.html"

    def __init__(self, name: str = "shop") -> None:
        super().__init__(name)
        self.panel_builders: dict[int, PanelBuilder] = {}
        self.pages: list[Page] = []
        self.disable_action("delete_selected")

    def panel(self, *, position: int) -> Callable[[PanelBuilder], PanelBuilder]:
        """Return a decorator that registers a dashboard panel; other apps use it too."""

        def put(figures: PanelBuilder) -> PanelBuilder:
            self.panel_builders[position] = figures
            return figures

        return put

    def page(
        self, route: str, *, name: str, links: Mapping[str, str], group: str = "Reports"
    ) -> Callable[[View], View]:
        """Return a decorator that registers a view as a page without a model."""

        def add(view: View) -> View:
            self.pages.append(Page(route, name, links, view, group))
            return view

        return add

    def has_permission(self, request: HttpRequest) -> bool:
        user: Any = request.user
        return isinstance(user, User) and user.is_at_least(Role.MANAGER)

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Wrap the view in the tenant scope, after the permission check."""
        return super().admin_view(with_tenant_scope(view), cacheable)

    def get_urls(self) -> list[Any]:
        pages = [
            path(page.route, self.admin_view(page.view), name=page.name) for page in self.pages
        ]
        kept = [
            each for each in super().get_urls() if getattr(each, "name", None) not in REMOVED_VIEWS
        ]
        return pages + kept

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        if self.has_permission(request):
            shop = cast(User, request.user).tenant
            context["site_header"] = context["site_title"] = str(shop)
        return context

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        apps = super().get_app_list(request, app_label)
        for app in apps:
            app["name"] = APPS[app["app_label"]]
        listed = app_label is None and self.has_permission(request)
        return [*self._list_pages(), *apps] if listed else apps

    def _list_pages(self) -> list[dict[str, Any]]:
        """Return the pages without a model by their groups, in the form of `get_app_list`."""
        groups: dict[str, list[dict[str, Any]]] = {}
        for page in self.pages:
            for number, (text, query) in enumerate(page.links.items()):
                entry = {
                    "name": text,
                    "object_name": f"{page.name}-{number}",
                    "admin_url": reverse(f"{self.name}:{page.name}") + query,
                    "add_url": None,
                    "view_only": True,
                }
                groups.setdefault(page.group, []).append(entry)
        return [
            {
                "name": name,
                "app_label": name.lower().replace(" ", "-"),
                "app_url": entries[0]["admin_url"],
                "models": entries,
                "has_module_perms": True,
            }
            for name, entries in groups.items()
        ]

    def get_log_entries(self, request: HttpRequest) -> Any:
        """Return no entries: Django's admin log is not tenant-aware, the audit log is used."""
        return super().get_log_entries(request).none()

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        user = cast(User, request.user)
        built = (self.panel_builders[position](user) for position in sorted(self.panel_builders))
        panels = [panel for panel in built if panel]
        return super().index(request, {"panels": panels} | (extra_context or {}))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return own_password_view(request, self)

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if request.method == "POST":
            log_out(cast(Any, request).log_in)
        return super().logout(request, extra_context)


def with_tenant_scope(view: View) -> View:
    """Run and render the view in the scope and time zone of the user's tenant."""

    def page(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.resolver_match.url_name
        scope = tenant_context if name in SEVERAL_TRANSACTIONS else tenant_scope
        shop = request.user.tenant
        with scope(shop), timezone.override(shop.timezone):
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.resolver_match.url_name
        if request.user.must_change_password and name not in BEFORE_PASSWORD_CHANGE:
            return HttpResponseRedirect(reverse("shop:password_change"))
        if POPUP_PARAMETERS & (request.GET.keys() | request.POST.keys()):
            raise BadRequest("Pop-ups are not supported.")
        return retry_on_conflict(page)(request, *args, **kwargs)

    return cast(View, guarded)


shop_site = ShopSite()
