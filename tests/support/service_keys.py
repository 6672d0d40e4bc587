"""Service keys and clients that use them."""

from typing import Any

from accounts.models import ServiceKey, User
from accounts.service_scopes import SCOPES
from accounts.services.service_keys import create_service_key
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.support.api import Api


def create_key(
    shop: Tenant, by: User, *scopes: str, name: str = "Web shop", **more: Any
) -> ServiceKey:
    """Create a key with these scopes, by default with all; its `secret` is set."""
    with tenant_scope(shop):
        key, secret = create_service_key(name=name, scopes=list(scopes or SCOPES), by=by, **more)
    key.secret = secret
    return key


class KeyClient(Api):
    """A client that sends a service key with every request."""

    def __init__(self, key: ServiceKey) -> None:
        super().__init__(Authorization=f"Bearer {key.secret}")
        self.key = key
