"""Compile the message catalogs: `python -m tests.tools.message_catalogs` writes the `.mo` files.

It does what `msgfmt` does, for the part of the format that our catalogs use.
"""

import ast
import struct
from pathlib import Path

LOCALES = Path(__file__).resolve().parents[2] / "orders" / "locale"
MAGIC, HEADER_SIZE, ENTRY_SIZE = 0x950412DE, 28, 8


def list_catalogs() -> list[Path]:
    return sorted(LOCALES.glob("*/LC_MESSAGES/*.po"))


def parse_catalog(text: str) -> dict[str, str]:
    """Return the translations of a `.po` file by their messages; the header has an empty one."""
    entries: list[dict[str, str]] = []
    keyword = ""
    for line in filter(None, text.splitlines()):
        if line.startswith("#"):
            continue
        first, _, rest = line.partition(" ")
        keyword, quoted = (keyword, line) if line.startswith('"') else (first, rest)
        if keyword == "msgid" and quoted is rest:
            entries.append({})
        entries[-1][keyword] = entries[-1].get(keyword, "") + str(ast.literal_eval(quoted))
    messages = {entry["msgid"]: entry["msgstr"] for entry in entries}
    if len(messages) != len(entries):
        raise ValueError("A message occurs twice.")
    return messages


def compile_catalog(text: str) -> bytes:
    """Return the `.mo` file of a `.po` file; messages without translation are left out."""
    messages = {source: target for source, target in parse_catalog(text).items() if target}
    pairs = sorted((source.encode(), target.encode()) for source, target in messages.items())
    tables = (HEADER_SIZE, HEADER_SIZE + ENTRY_SIZE * len(pairs))
    position = HEADER_SIZE + 2 * ENTRY_SIZE * len(pairs)
    header = struct.pack("<7I", MAGIC, 0, len(pairs), *tables, 0, position)
    entries, strings = b"", b""
    for column in (0, 1):
        for pair in pairs:
            entries += struct.pack("<2I", len(pair[column]), position + len(strings))
            strings += pair[column] + b"\0"
    return header + entries + strings


def main() -> None:
    for path in list_catalogs():
        path.with_suffix(".mo").write_bytes(compile_catalog(path.read_text("utf-8")))


if __name__ == "__main__":
    main()
