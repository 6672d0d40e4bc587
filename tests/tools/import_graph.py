"""Draw the imports between Till's packages: `python -m tests.tools.import_graph FILE.svg`.

Each box is a package, in a row below all packages that import it. Lines run downwards,
from the importing package to the imported one; imports that another path implies have no line.
Packages that import each other are in the same row.
"""

import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path

import grimp

APPS = ("config", "orders", "accounts", "tenants")
# Packages whose parts are drawn separately.
OPENED = ("orders.services", "accounts.services", "accounts.security", "tenants.events")
# Not drawn, because they run once or import everything.
EXCLUDED = ("migrations", "management", "urls", "wsgi", "settings")
COLORS = {"config": "#ede7f6", "orders": "#e3f2fd", "accounts": "#e8f5e9", "tenants": "#fff8e1"}
BOX_WIDTH, BOX_HEIGHT = 190, 28
COLUMN_GAP, ROW_GAP, MARGIN = 16, 46, 20

Graph = Mapping[str, set[str]]
Point = tuple[int, int]


def find_package(module: str, packages: set[str]) -> str | None:
    """Return the box of a module, or None if it is excluded.

    Modules directly in an app share one box with the name of the app.
    """
    parts = module.split(".")
    if any(part in EXCLUDED for part in parts):
        return None
    depth = 3 if ".".join(parts[:2]) in OPENED else 2
    found = ".".join(parts[:depth])
    while found not in packages:
        found = found.rpartition(".")[0]
    return found


def read_graph() -> dict[str, set[str]]:
    """Return the imported packages of each package."""
    imports = grimp.build_graph(*APPS, exclude_type_checking_imports=True)
    packages = {each for each in imports.modules if imports.find_children(each)}
    graph: dict[str, set[str]] = {}
    for module in imports.modules:
        if package := find_package(module, packages):
            names = imports.find_modules_directly_imported_by(module)
            imported = {find_package(each, packages) for each in names}
            graph.setdefault(package, set()).update(
                each for each in imported if each and each != package
            )
    return graph


def rank(graph: Graph) -> dict[str, int]:
    """Return the row of each package: below its importers, in the same row as its import cycle."""
    reached = {package: reach(graph, package) for package in graph}
    cycles = {p: {q for q in reached[p] if p in reached[q]} | {p} for p in graph}
    above = {p: {q for q in graph if p in reached[q]} - cycles[p] for p in graph}
    rows: dict[str, int] = {}
    for package in sorted(graph, key=lambda each: len(above[each])):
        rows[package] = max((rows[each] + 1 for each in above[package]), default=0)
    return rows


def reach(graph: Graph, package: str) -> set[str]:
    """Return all packages that this one imports, directly or not."""
    found: set[str] = set()
    waiting = [package]
    while waiting:
        new = graph[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def without_implied(graph: Graph) -> dict[str, set[str]]:
    """Return the graph without imports that another import implies."""
    reached = {package: reach(graph, package) for package in graph}
    return {
        package: {
            each
            for each in imported
            if not any(
                each in reached[other] and other not in reached[each]
                for other in imported - {each}
                if package not in reached[other]
            )
        }
        for package, imported in graph.items()
    }


def place(rows: Mapping[str, int]) -> dict[str, Point]:
    """Return the upper left corner of each box, in pixels."""
    points: dict[str, Point] = {}
    columns: dict[int, int] = {}
    for package in sorted(
        rows, key=lambda each: (rows[each], APPS.index(each.split(".")[0]), each)
    ):
        column = columns.get(rows[package], 0)
        columns[rows[package]] = column + 1
        x = MARGIN + column * (BOX_WIDTH + COLUMN_GAP)
        points[package] = (x, MARGIN + rows[package] * (BOX_HEIGHT + ROW_GAP))
    return points


def draw(graph: Graph) -> str:
    """Return the drawing as SVG."""
    points = place(rank(graph))
    reduced = without_implied(graph)
    width = max(x for x, _ in points.values()) + BOX_WIDTH + MARGIN
    height = max(y for _, y in points.values()) + BOX_HEIGHT + MARGIN
    lines = [
        _line(points[package], points[each])
        for package in sorted(reduced)
        for each in sorted(reduced[package])
    ]
    boxes = [_box(package, point) for package, point in sorted(points.items())]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            '<g fill="none" stroke="#90a4ae" stroke-opacity="0.5">',
            *lines,
            "</g>",
            *boxes,
            "</svg>\n",
        ]
    )


def _line(start: Point, end: Point) -> str:
    x1, y1 = start[0] + BOX_WIDTH // 2, start[1] + BOX_HEIGHT
    x2, y2 = end[0] + BOX_WIDTH // 2, end[1]
    return f'<path d="M{x1} {y1} C{x1} {y1 + ROW_GAP} {x2} {y2 - ROW_GAP} {x2} {y2}"/>'


def _box(package: str, point: Point) -> str:
    x, y = point
    color = COLORS[package.split(".", maxsplit=1)[0]]
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="4" '
        f'fill="{color}" stroke="#546e7a"/>'
        f'<text x="{x + BOX_WIDTH // 2}" y="{y + 18}" text-anchor="middle">{escape(package)}</text>'
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(draw(read_graph()), encoding="utf-8")
