"""The pages of the documentation and the code blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.discovery import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>.*)\n(?P<text>(?:.*\n)*?)(?P=indent)```$", re.M)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, the options after it, its text and its first line."""

    page: str
    line: int
    language: str
    options: dict[str, str]
    text: str

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def script(self) -> str:
        """Return the commands; of a console block without the prompts."""
        if self.language != "console":
            return self.text
        return "".join(line.removeprefix("$ ") for line in self.text.splitlines(keepends=True))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in their order."""
    page = path.read_text("utf-8")
    for found in FENCE.finditer(page):
        language, *options = found["info"].split() or [""]
        lines = found["text"].splitlines(keepends=True)
        yield Block(
            page=name(path),
            line=page.count("\n", 0, found.start()) + 1,
            language=language,
            options=dict(option.split("=", 1) for option in options),
            text="".join(line.removeprefix(found["indent"]) for line in lines),
        )
