"""A receipt printer in memory: reads ESC/POS like a printer, without any code of the renderer.

The code pages are those of the database of printers that python-escpos contains, by the number that
the bytes name. Commands that a receipt does not contain are errors, so that a test sees them.
"""

from dataclasses import dataclass, field

from escpos.capabilities import CAPABILITIES
from escpos.magicencode import Encoder
from PIL import Image

CODE_PAGE_NAMES = CAPABILITIES["profiles"]["default"]["codePages"]
# The database has no letters for this page, under another name than Python has.
OTHER_TABLES = {"RK1048": bytes(range(0x80, 0x100)).decode("kz1048", errors="replace")}
COLUMN = 12


@dataclass
class Text:
    """A printed line of characters."""

    text: str
    is_centered: bool
    is_strong: bool


@dataclass
class Picture:
    """Printed raster images that touch each other: ink is black."""

    image: Image.Image
    is_centered: bool


@dataclass
class Receipt:
    """What came out of the printer."""

    items: list = field(default_factory=list)
    qr: str = ""
    pulses: int = 0
    cuts: int = 0
    # Width of the lines in dots.
    width: int = 0

    @property
    def lines(self):
        """Return the printed characters, line by line."""
        return [item.text for item in self.items if isinstance(item, Text)]

    @property
    def pictures(self):
        return [item.image for item in self.items if isinstance(item, Picture)]


class Printer:
    """Executes the commands of one job."""

    def __init__(self, job):
        self.job, self.place = job, 0
        self.receipt = Receipt()
        self.table, self.line = {}, ""
        self.is_centered = self.is_strong = False
        self.stored_qr = b""

    def print(self):
        commands = {
            b"\x1b@": self.reset,
            b"\x1b": self.escape,
            b"\x1c": self.kanji,
            b"\x1d": self.group,
            b"\n": self.feed,
        }
        while self.place < len(self.job):
            found = next((each for each in commands if self.job.startswith(each, self.place)), None)
            if found is None:
                self.print_character()
            else:
                self.place += len(found)
                commands[found]()
        assert not self.line, "The last line is not printed."
        return self.receipt

    def take(self, count):
        taken = self.job[self.place : self.place + count]
        assert len(taken) == count, "The job ends within a command."
        self.place += count
        return taken

    def reset(self):
        assert not self.receipt.items

    def print_character(self):
        (code,) = self.take(1)
        assert code >= 0x20, f"Control character {code:#x} in a text."
        self.line += chr(code) if code < 0x80 else self.table[code]

    def feed(self):
        self.receipt.items.append(Text(self.line, self.is_centered, self.is_strong))
        self.line = ""

    def escape(self):
        command, argument = self.take(1), self.take(1)[0]
        match command:
            case b"R":
                assert argument == 0
            case b"t":
                self.table = load_table(argument)
            case b"a":
                assert not self.line, "Alignment applies at the start of a line only."
                self.is_centered = {0: False, 1: True}[argument]
            case b"E":
                self.is_strong = bool(argument)
            case b"p":
                assert argument in {0, 1}
                on, off = self.take(2)
                assert 0 < on <= off
                self.receipt.pulses += 1
            case _:
                raise AssertionError(f"Unknown command ESC {command}.")

    def kanji(self):
        assert self.take(1) == b"."

    def group(self):
        match self.take(1):
            case b"W":
                self.receipt.width = int.from_bytes(self.take(2), "little")
            case b"V":
                assert self.take(2) == b"B\x00"
                self.receipt.cuts += 1
            case b"v":
                self.print_raster()
            case b"(":
                self.print_symbol()
            case command:
                raise AssertionError(f"Unknown command GS {command}.")

    def print_raster(self):
        assert self.take(2) == b"0\x00"
        assert not self.line, "A raster is ignored unless the line is empty."
        row, height = (int.from_bytes(self.take(2), "little") for _ in range(2))
        assert 0 < row * 8 <= self.receipt.width
        dots = Image.frombytes("1", (row * 8, height), self.take(row * height))
        image = dots.point(lambda dot: 255 - dot)
        items = self.receipt.items
        self.receipt.items.append(Picture(image, self.is_centered))
        assert items[-1].image.height <= 255, "Too many rows for printers with little memory."

    def print_symbol(self):
        assert self.take(1) == b"k"
        size = int.from_bytes(self.take(2), "little")
        data = self.take(size)
        if data[:2] == b"1P":
            self.stored_qr = data[3:]
        elif data[:2] == b"1Q":
            self.receipt.qr = self.stored_qr.decode("ascii")


def load_table(number):
    """Return the characters of a code page by their codes from 128."""
    name = CODE_PAGE_NAMES[str(number)]
    letters = OTHER_TABLES.get(name) or Encoder._get_codepage_char_list(name)
    return dict(enumerate(letters, start=0x80))


def print_receipt(job):
    """Return what a printer makes of these bytes."""
    return Printer(job).print()
