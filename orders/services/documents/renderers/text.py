"""A paper as plain text."""

from orders.services.documents.document import Paper
from orders.services.documents.renderers.columns import WIDTH, Line, lines_of


def text_of(paper: Paper) -> str:
    """For a screen and for a printer that knows nothing but letters; the code is written out."""
    lines = [*lines_of(paper), Line(""), Line(paper.code, is_centered=True)]
    return "".join(f"{_placed(line)}\n" for line in lines)


def _placed(line: Line) -> str:
    return line.text.center(WIDTH).rstrip() if line.is_centered else line.text
