"""A reader of DATEV's booking batches, written after the format description, not after the code."""

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

# A field is a quoted text, with quotation marks doubled, or a plain number.
FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^";]*))(;|$)')
HEADER_TEXTS = {1, 4, 8, 9, 10, 17, 18, 22, 24, 27, 30, 31}
HEADER_FIELDS, BOOKING_FIELDS = 31, 125
AMOUNT = re.compile(r"[0-9]{1,10},[0-9]{2}")
ACCOUNT = re.compile(r"[1-9][0-9]{0,8}")
DOCUMENT = re.compile(r"[a-zA-Z0-9$%&*+\-/]{0,36}")


@dataclass(frozen=True)
class ReadBooking:
    """A booking; `amount` is positive if it is debited to the account."""

    day: date
    account: str
    contra_account: str
    amount: Decimal
    document: str
    text: str
    tax_key: str


@dataclass(frozen=True)
class ReadBatch:
    header: list[str]
    first: date
    last: date
    bookings: list[ReadBooking]

    def sum_accounts(self) -> dict[str, Decimal]:
        """Return the balance of each account: what was debited less what was credited."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for each in self.bookings:
            sums[each.account] += each.amount
            sums[each.contra_account] -= each.amount
        return sums

    def sum_days(self, account: str) -> dict[date, Decimal]:
        """Return what was debited to an account less what was credited, by day."""
        sums: dict[date, Decimal] = defaultdict(Decimal)
        for each in self.bookings:
            for name, sign in ((each.account, 1), (each.contra_account, -1)):
                if name == account:
                    sums[each.day] += sign * each.amount
        return sums


def read_batch(content: bytes) -> ReadBatch:
    """Return the batch, as strictly as an import reads it."""
    text = content.decode("cp1252")
    assert text.endswith("\r\n")
    lines = text.split("\r\n")[:-1]
    assert not any("\n" in line or "\r" in line for line in lines)
    header, texts = split_fields(lines[0])
    assert len(header) == HEADER_FIELDS
    assert texts == HEADER_TEXTS
    assert header[:5] == ["EXTF", "700", "21", "Buchungsstapel", "13"]
    assert re.fullmatch(r"[0-9]{17}", header[5])
    assert datetime.fromisoformat(f"{header[5][:8]}T{header[5][8:14]}")
    assert 1001 <= int(header[10]) <= 9_999_999
    assert 1 <= int(header[11]) <= 99_999
    assert 4 <= int(header[13]) <= 8
    fiscal_year, first, last = (parse_day(header[place]) for place in (12, 14, 15))
    assert fiscal_year <= first <= last < fiscal_year.replace(year=fiscal_year.year + 1)
    assert len(header[16]) <= 30
    assert header[21] == "EUR"
    assert len(lines[1].split(";")) == BOOKING_FIELDS
    bookings = [read_booking(line, int(header[13]), first, last) for line in lines[2:]]
    return ReadBatch(header, first, last, bookings)


def read_booking(line: str, length: int, first: date, last: date) -> ReadBooking:
    fields, texts = split_fields(line)
    assert len(fields) == BOOKING_FIELDS
    assert {2, 3, 11, 14} <= texts <= {2, 3, 9, 11, 14}
    assert AMOUNT.fullmatch(fields[0])
    amount = Decimal(fields[0].replace(",", "."))
    assert amount > 0
    assert fields[1] in {"S", "H"}
    assert fields[2] == "EUR"
    for account in fields[6:8]:
        assert ACCOUNT.fullmatch(account)
        assert len(account) <= length + 1
    assert fields[6] != fields[7]
    assert not fields[8] or re.fullmatch(r"[0-9]{4}", fields[8])
    assert re.fullmatch(r"[0-9]{4}", fields[9])
    day = date(first.year, int(fields[9][2:]), int(fields[9][:2]))
    assert first <= day <= last
    assert DOCUMENT.fullmatch(fields[10])
    assert len(fields[13]) <= 60
    assert not any(
        fields[place] for place in range(125) if place not in {0, 1, 2, *range(6, 11), 13}
    )
    signed = amount if fields[1] == "S" else -amount
    return ReadBooking(day, fields[6], fields[7], signed, fields[10], fields[13], fields[8])


def split_fields(line: str) -> tuple[list[str], set[int]]:
    """Return the fields of a line, and the numbers of those that are quoted."""
    fields, quoted, place = [], set(), 0
    while True:
        found = FIELD.match(line, place)
        assert found, line[place:]
        fields.append(found[2] if found[1] is None else found[1].replace('""', '"'))
        if found[1] is not None:
            quoted.add(len(fields))
        place = found.end()
        if not found[3]:
            assert place == len(line)
            return fields, quoted


def parse_day(text: str) -> date:
    assert re.fullmatch(r"[0-9]{8}", text)
    return date.fromisoformat(text)
