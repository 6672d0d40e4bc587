"""Booking batches in DATEV's format: EXTF 700, category 21 (Buchungsstapel), version 13.

Sources: "Header" and "Buchungsstapel" of the format description that DATEV eG publishes at
https://developer.datev.de/datev/platform/de/dtvf, which also says how the file is written:
Windows-1252, CR and LF, semicolons, texts in quotation marks, decimal commas.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

ENCODING = "cp1252"
LINE_END = "\r\n"
FORMAT_VERSION = 13
# The field "Herkunft" of the header: the program that has written the file.
ORIGIN = "TI"
MAX_DESCRIPTION, MAX_TEXT, MAX_DOCUMENT = 30, 60, 36
NOT_IN_DOCUMENTS = re.compile(r"[^A-Za-z0-9$%&*+\-/]")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
COLUMNS = (
    *("Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs"),
    *("Basis-Umsatz", "WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)"),
    *("BU-Schlüssel", "Belegdatum", "Belegfeld 1", "Belegfeld 2", "Skonto", "Buchungstext"),
    *("Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank", "Sachverhalt"),
    *("Zinssperre", "Beleglink"),
    *(f"Beleginfo - {part} {number}" for number in range(1, 9) for part in ("Art", "Inhalt")),
    *("KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge"),
    *("EU-Land u. UStID (Bestimmung)", "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart"),
    *("Sachverhalt L+L", "Funktionsergänzung L+L", "BU 49 Hauptfunktionstyp"),
    *("BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung"),
    *(
        f"Zusatzinformation{dash} {part} {number}"
        for number in range(1, 21)
        for dash, part in ((" -", "Art"), ("-", "Inhalt"))
    ),
    *("Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr"),
    *("Zugeordnete Fälligkeit", "Skontotyp", "Auftragsnummer", "Buchungstyp"),
    *("USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)", "Sachverhalt L+L (Anzahlungen)"),
    *("EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz", "Leerfeld"),
    *("KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername"),
    *("Beteiligtennummer", "Identifikationsnummer", "Zeichnernummer", "Postensperre bis"),
    *("Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung", "Festschreibung"),
    *("Leistungsdatum", "Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)"),
    *("Steuersatz", "Land", "Abrechnungsreferenz", "BVV-Position"),
    *("EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto"),
)
AMOUNT, SIDE, CURRENCY, ACCOUNT, CONTRA_ACCOUNT = 0, 1, 2, 6, 7
TAX_KEY, DAY, DOCUMENT, TEXT = 8, 9, 10, 13


@dataclass(frozen=True, slots=True)
class BatchHeader:
    """What the first line of the file says about the batch."""

    consultant: int
    client: int
    fiscal_year: date
    account_length: int
    first: date
    last: date
    description: str
    created_at: datetime
    # The chart of accounts: 03, 04 or blank.
    chart: str = ""


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking: a positive amount is debited to the account, a negative one credited."""

    day: date
    account: str
    contra_account: str
    amount: Decimal
    document: str
    text: str
    tax_key: str = ""


def write_batch(header: BatchHeader, bookings: Iterable[Booking]) -> bytes:
    """Return the file. Bookings of zero are left out, and so are letters Windows-1252 lacks."""
    lines = [
        format_header(header),
        list(COLUMNS),
        *(format_booking(each) for each in bookings if each.amount),
    ]
    text = "".join(";".join(line) + LINE_END for line in lines)
    return text.encode(ENCODING, errors="replace")


def format_header(header: BatchHeader) -> list[str]:
    """Return the 31 fields of the first line."""
    created = f"{header.created_at:%Y%m%d%H%M%S}{header.created_at.microsecond // 1000:03}"
    return [
        *(quote("EXTF"), "700", "21", quote("Buchungsstapel"), str(FORMAT_VERSION)),
        *(created, "", quote(ORIGIN), quote(""), quote("")),
        *(str(header.consultant), str(header.client), f"{header.fiscal_year:%Y%m%d}"),
        *(str(header.account_length), f"{header.first:%Y%m%d}", f"{header.last:%Y%m%d}"),
        *(quote(header.description, MAX_DESCRIPTION), quote("")),
        # Financial accounting, no special purpose, not locked.
        *("1", "0", "0", quote("EUR")),
        *("", quote(""), "", "", quote(header.chart), "", "", quote(""), quote("")),
    ]


def format_booking(booking: Booking) -> list[str]:
    """Return the fields of a line; those that are not used stay empty."""
    fields = [""] * len(COLUMNS)
    fields[AMOUNT] = f"{abs(booking.amount):.2f}".replace(".", ",")
    fields[SIDE] = quote("S" if booking.amount > 0 else "H")
    fields[CURRENCY] = quote("EUR")
    fields[ACCOUNT], fields[CONTRA_ACCOUNT] = booking.account, booking.contra_account
    fields[TAX_KEY] = quote(booking.tax_key.zfill(4)) if booking.tax_key else ""
    fields[DAY] = f"{booking.day:%d%m}"
    fields[DOCUMENT] = quote(NOT_IN_DOCUMENTS.sub("", booking.document), MAX_DOCUMENT)
    fields[TEXT] = quote(booking.text, MAX_TEXT)
    return fields


def quote(text: str, length: int | None = None) -> str:
    """Return the text in quotation marks, without control characters, cut to its length."""
    plain = CONTROLS.sub(" ", text)[:length]
    return f'"{plain.replace(chr(34), chr(34) * 2)}"'
