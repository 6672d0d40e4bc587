"""What the tests of the admin ask for."""

from typing import Any

from tenants.scope import across_tenants

# The pages that belong to no model.
EVERYWHERE = [
    "/admin/",
    "/admin/tenants/",
    "/admin/accounts/",
    "/admin/orders/",
    "/admin/password_change/",
    "/admin/jsi18n/",
]


def rows_of(model: Any) -> list[Any]:
    with across_tenants():
        return list(model._default_manager.all())
