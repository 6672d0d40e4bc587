"""Names on a receipt that may change later: the first print stores them for its copies."""

from dataclasses import asdict, dataclass
from typing import Any
from zoneinfo import ZoneInfo

from orders.models import Order, Receipt, Refund
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Names:
    """Names of shop, place and people, and the time zone, as a receipt shows them."""

    shop: str
    store: str
    address: str
    register: str
    served_by: str
    timezone: str
    # The register of the sale, on a refund receipt.
    order_register: str = ""

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def find_names(row: Receipt | Refund, sold_in: Order | Refund, **more: Any) -> Names:
    """Return the names of the first print, or before it the current ones.

    `more` are the names that differ between a sale and a refund. A profile of the receipt has name
    and address of its own.
    """
    if row.printed_names:
        return Names(**row.printed_names)
    store, profile = sold_in.store, row.profile
    return Names(
        shop=profile.legal_name if profile else current_tenant().name,
        store=store.name,
        address=profile.address if profile else store.address,
        register=sold_in.register.name,
        timezone=store.clock.key,
        **more,
    )
