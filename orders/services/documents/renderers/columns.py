"""A paper in lines of 42 characters: as many as an 80 mm receipt printer has in its usual font."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from orders.services.documents.document import Paper, Row

WIDTH = 42


@dataclass(frozen=True, slots=True)
class Line:
    text: str
    is_centered: bool = False
    is_strong: bool = False


def lines_of(paper: Paper, spelled: Callable[[str], str] = str) -> Iterator[Line]:
    """Everything but the code, each word spelled as the printer can."""
    yield from _head(paper, spelled)
    yield Line("")
    for number, (name, value) in enumerate(paper.facts):
        moment = "" if number else paper.moment
        yield from _row(Row(spelled(f"{name} {value}"), moment))
    for part in filter(None, paper.parts):
        yield Line("-" * WIDTH)
        for row in part:
            words, amount = spelled(row.words), spelled(row.amount)
            yield from _row(Row(words, amount, row.is_detail, row.is_strong))


def _head(paper: Paper, spelled: Callable[[str], str]) -> Iterator[Line]:
    for strong in (*paper.marks, paper.shop):
        for line in _folded(spelled(strong)):
            yield Line(line, is_centered=True, is_strong=True)
    for text in (paper.store, *paper.address.splitlines()):
        for line in _folded(spelled(text)):
            yield Line(line, is_centered=True)


def _row(row: Row) -> Iterator[Line]:
    """Words folded at the left, the amount on the last line at the right edge."""
    indent = "  " if row.is_detail else ""
    texts = [f"{indent}{text}" for text in _folded(row.words, WIDTH - len(indent))]
    if row.amount and len(texts[-1]) + 1 + len(row.amount) > WIDTH:
        texts.append(indent)
    for text in texts[:-1]:
        yield Line(text, is_strong=row.is_strong)
    last = texts[-1]
    yield Line(f"{last}{row.amount.rjust(WIDTH - len(last))}".rstrip(), is_strong=row.is_strong)


def _folded(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width) or [""]
