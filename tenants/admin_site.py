"""The platform's admin site. Django creates it before it imports the admin modules."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse

from tenants.scope import across_tenants

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class PlatformSite(AdminSite):
    """Admin site for platform staff, in the scope of all tenants."""

    site_header = site_title = "Till"
    index_title = "Installation"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Enter the scope of all tenants only after Django has checked the permission."""
        return super().admin_view(across_all_tenants(view), cacheable)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Disable autocomplete: no page uses it, and it can list rows of any model."""
        raise PermissionDenied


def across_all_tenants(view: View) -> View:
    """Decorate an admin view to run and render in the scope of all tenants."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with across_tenants():
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    return cast(View, page)
