"""Who issues a document, in which language and on which paper."""

from dataclasses import dataclass, replace
from typing import Any, Self

from orders.models import ReceiptProfile
from orders.services.documents.labels import ENGLISH, Labels, load_labels
from orders.services.documents.printer_settings import DEFAULT_PRINTER, PrinterSettings
from tenants.models import Store
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class TaxNumber:
    """A tax number with its label, such as "VAT ID"."""

    label: str
    number: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """Name, address and fixed texts of a document."""

    name: str
    store: str
    address: str
    labels: Labels
    printer: PrinterSettings = DEFAULT_PRINTER
    tax_numbers: tuple[TaxNumber, ...] = ()
    # Lines below the tax numbers, and above the QR code.
    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    profile: ReceiptProfile | None = None

    def named(self, name: str, store: str, address: str) -> Self:
        """Return the issuer with these names."""
        return replace(self, name=name, store=store, address=address)

    def build_frame(self, *, opens_drawer: bool = False) -> dict[str, Any]:
        """Return the fields of a document that the issuer determines."""
        numbers = (f"{each.label} {each.number}" for each in self.tax_numbers)
        drawer_pulse = self.printer.drawer_pulse and opens_drawer
        return {
            "shop": self.name,
            "store": self.store,
            "address": self.address,
            "header": (*numbers, *self.header),
            "footer": self.footer,
            "labels": self.labels,
            "printer": replace(self.printer, drawer_pulse=drawer_pulse),
        }


def build_issuer(store: Store, profile: ReceiptProfile | None) -> Issuer:
    """Return the issuer by a version of the receipt profile, or the shop and store without one."""
    if profile is None:
        return Issuer(current_tenant().name, store.name, store.address, ENGLISH)
    labels = load_labels(profile.language)
    return Issuer(
        name=profile.legal_name,
        store=store.name,
        address=profile.address,
        labels=labels,
        printer=build_printer_settings(profile),
        tax_numbers=tuple(
            TaxNumber(each["label"] or labels("Tax number"), each["number"])
            for each in profile.tax_numbers
        ),
        header=tuple(profile.header),
        footer=(*profile.return_policy.splitlines(), *profile.footer),
        profile=profile,
    )


def find_current_profile(store: Store) -> ReceiptProfile | None:
    """Return the current version of a store, for documents that name no version."""
    if store.receipt_profile is None:
        return None
    return ReceiptProfile.objects.get(pk=store.receipt_profile)


def build_printer_settings(profile: ReceiptProfile) -> PrinterSettings:
    return PrinterSettings(
        paper_mm=58 if profile.paper_mm == ReceiptProfile.Paper.MM_58 else 80,
        code_page=profile.code_page,
        drawer_pulse=profile.drawer_pulse,
        logo=None if profile.logo is None else bytes(profile.logo),
    )
