"""The site of the admin, apart from its pages: Django makes it before it reads them."""

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
    """Opens to platform people only, and there the scope is every tenant."""

    site_header = site_title = "Till"
    index_title = "Installation"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """The scope begins after the question who asks: that is not for all tenants to answer."""
        return super().admin_view(across_all_tenants(view), cacheable)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """No page uses it, and it would list the rows of any model that is asked for."""
        raise PermissionDenied


def across_all_tenants(view: View) -> View:
    """Make the page, and render it, with the rows of every shop in sight."""

    @wraps(view)
    def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with across_tenants():
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
            return response

    return cast(View, page)
