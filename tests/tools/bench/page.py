"""docs/performance.md: each kind of run writes its own section."""

from tests.tools.bench.plan import Section
from tests.tools.bench.programs import ROOT
from tests.tools.bench.report import replace_section

PAGE = ROOT / "docs/performance.md"


def write_section(section: Section) -> str:
    """Replace the section of the page; returns the page's path in the project."""
    page = replace_section(PAGE.read_text("utf-8"), section.title, section.as_markdown())
    PAGE.write_text(page, "utf-8")
    return str(PAGE.relative_to(ROOT))
