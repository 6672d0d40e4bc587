"""Order of letters on a line with text from right to left, as the Unicode standard defines it.

FriBiDi is the library that Pillow too needs for Arabic. It is called directly, because Pillow
orders only text of one font.
"""

import ctypes
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

LIBRARIES = {"darwin": "libfribidi.0.dylib", "win32": "fribidi-0.dll"}
# The direction of the first letter that has one, from left to right if none has (FRIBIDI_PAR_ON).
FIRST_LETTER = 0x40
Run = TypeVar("Run")


@cache
def load_fribidi() -> Any:
    """Return the library, or None if it is not installed."""
    try:
        return ctypes.CDLL(LIBRARIES.get(sys.platform, "libfribidi.so.0"))
    except OSError:
        return None


def find_levels(text: str) -> Sequence[int]:
    """Return the embedding level of each character; odd levels run from right to left."""
    library, length = load_fribidi(), len(text)
    if library is None or text.isascii():
        return [0] * length
    characters = (ctypes.c_uint32 * length)(*map(ord, text))
    types, brackets = (ctypes.c_uint32 * length)(), (ctypes.c_uint32 * length)()
    levels, direction = (ctypes.c_int8 * length)(), ctypes.c_uint32(FIRST_LETTER)
    library.fribidi_get_bidi_types(characters, length, types)
    library.fribidi_get_bracket_types(characters, length, types, brackets)
    known = library.fribidi_get_par_embedding_levels_ex(
        types, brackets, length, ctypes.byref(direction), levels
    )
    return list(levels) if known else [0] * length


def reorder(runs: list[Run], levels: list[int]) -> list[Run]:
    """Return the runs from left to right: reverse every sequence of a level or above (rule L2)."""
    for level in range(max(levels, default=0), 0, -1):
        runs, levels = _reverse_from(runs, levels, level)
    return runs


def _reverse_from(runs: list[Run], levels: list[int], level: int) -> tuple[list[Run], list[int]]:
    """Reverse every sequence of runs whose levels are not below `level`."""
    order: list[int] = []
    start = 0
    while start < len(levels):
        end = start
        while end < len(levels) and levels[end] >= level:
            end += 1
        order.extend(reversed(range(start, end)) if end > start else [start])
        start = max(end, start + 1)
    return [runs[place] for place in order], [levels[place] for place in order]
