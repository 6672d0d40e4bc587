"""Who issues a document, in which language and on which paper."""

from dataclasses import dataclass, replace
from typing import Any

from orders.services.documents.labels import ENGLISH, Labels
from orders.services.documents.printer_settings import DEFAULT_PRINTER, PrinterSettings
from tenants.models import Store
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Issuer:
    """Name, address and fixed texts of a document."""

    name: str
    store: str
    address: str
    labels: Labels
    printer: PrinterSettings = DEFAULT_PRINTER
    tax_numbers: tuple[str, ...] = ()
    # Lines below the tax numbers, and above the QR code.
    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()

    def build_frame(self, *, opens_drawer: bool = False) -> dict[str, Any]:
        """Return the fields of a document that the issuer determines."""
        label = self.labels("Tax number")
        drawer_pulse = self.printer.drawer_pulse and opens_drawer
        return {
            "shop": self.name,
            "store": self.store,
            "address": self.address,
            "header": (*(f"{label} {number}" for number in self.tax_numbers), *self.header),
            "footer": self.footer,
            "labels": self.labels,
            "printer": replace(self.printer, drawer_pulse=drawer_pulse),
        }


def build_issuer(store: Store) -> Issuer:
    """Return the shop and the store as the issuer."""
    return Issuer(
        name=current_tenant().name,
        store=store.name,
        address=store.address,
        labels=ENGLISH,
    )
