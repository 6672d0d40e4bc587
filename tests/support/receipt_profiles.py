"""Receipt profiles of stores in tests."""

from typing import Any

from accounts.models import User
from orders.models import ReceiptProfile
from orders.services.receipt_profiles import save_profile
from tenants.models import Store
from tenants.scope import tenant_scope
from tests.support.png import build_png

PROFILE: dict[str, Any] = {
    "legal_name": "Grüne Kiste GmbH",
    "address": "Hauptstraße 1\n10115 Berlin",
    "tax_numbers": [
        {"label": "USt-IdNr.", "number": "DE123456789"},
        {"label": "", "number": "12/345/67890"},
    ],
    "header": ["Bio seit 1987", ""],
    "footer": ["Danke für Ihren Einkauf!"],
    "return_policy": "Umtausch binnen 14 Tagen.\nNur mit Beleg.",
    "language": "de",
    "paper_mm": 58,
    "code_page": "pc858",
    "drawer_pulse": True,
}


def create_profile(store: Store, by: User, **values: Any) -> ReceiptProfile:
    """Save a new version of the store's profile through the service."""
    content = PROFILE | {"logo": build_png()} | values
    with tenant_scope(store.tenant):
        return save_profile({**content, "store": store}, by=by)
