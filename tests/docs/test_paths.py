"""Every path and link in the documentation exists."""

import re

import pytest

from tests.docs.pages import PAGES, name
from tests.support.discovery import ROOT

pytestmark = pytest.mark.once

CODE_BLOCK = re.compile(r"^( *)```.*?^\1```", re.M | re.S)
QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
# A path in the repository: in one of its folders, or a file at the top level.
FOLDERS = sorted(
    path.name
    for path in ROOT.iterdir()
    if path.is_dir() and (not path.name.startswith(".") or path.name == ".ci")
)
PATH = re.compile(
    rf"(?:(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*|[\w.-]+\.(?:toml|yaml|md))"
)
README_LIMIT = 8 * 1024


def read_text(page) -> str:
    return CODE_BLOCK.sub("", page.read_text("utf-8"))


def anchors(page) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", read_text(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def path_exists(path: str) -> bool:
    return (ROOT / path).exists()


def test_paths_are_recognized():
    assert PATH.fullmatch("orders/services/sales/checkout.py")
    assert PATH.fullmatch("pyproject.toml")
    assert not PATH.fullmatch("orders/{id}/refunds/")
    assert not PATH.fullmatch("auth/token/")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_paths_in_backticks_exist(page):
    quoted = QUOTED.findall(read_text(page))
    paths = [each.split("::")[0] for each in quoted if PATH.fullmatch(each.split("::")[0])]

    assert [path for path in paths if not path_exists(path)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_exist(page):
    links = [link or source for link, source in LINK.findall(read_text(page))]
    dead = []
    for link in links:
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        if "://" in link:
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            dead.append(link)

    assert dead == []


def test_every_page_is_linked_from_the_readme():
    reached, new = set(), {ROOT / "README.md"}
    while new:
        page = new.pop()
        reached.add(page)
        links = (link or source for link, source in LINK.findall(read_text(page)))
        targets = {
            (page.parent / link.split("#")[0]).resolve() for link in links if "://" not in link
        }
        new |= {each for each in targets if each.suffix == ".md" and each.is_file()} - reached

    assert [name(page) for page in PAGES if page not in reached] == []


def test_readme_is_at_most_8_kb():
    assert (ROOT / "README.md").stat().st_size <= README_LIMIT


def tree(lines: list[str]) -> list[str]:
    """Return the paths of a tree that shows one name per line, indented by two spaces."""
    found, parents = [], []
    for line in lines:
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*parents[:depth], line.split()[0].rstrip("/")]
        found.append("/".join(parents))
    return found


def test_paths_of_the_architecture_tree_exist():
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    shown = page.partition("## Tree\n\n```\n")[2].partition("```")[0]
    paths = tree(shown.splitlines())

    assert "orders/services/documents/renderers" in paths
    assert [path for path in paths if not path_exists(path)] == []
