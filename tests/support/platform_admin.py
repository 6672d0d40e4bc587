"""Pages and rows of the platform admin."""

from typing import Any

from tenants.scope import across_tenants

# Pages without a model.
EVERYWHERE = [
    "/platform/",
    "/platform/tenants/",
    "/platform/accounts/",
    "/platform/orders/",
    "/platform/password_change/",
    "/platform/jsi18n/",
]


def snapshot_model(model: Any) -> list[Any]:
    with across_tenants():
        return list(model._default_manager.all())
