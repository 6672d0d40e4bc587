"""Paginator of admin lists, whose tables grow without limit."""

from typing import Any, ClassVar

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # no generic when run
    """Lists and counts at most MAX_ROWS rows; other ones are found with filters and search.

    Counting all rows of a large table would be slow, and nobody opens page 100.
    """

    MAX_ROWS: ClassVar[int] = 5000

    @cached_property
    def counted(self) -> int:
        rows: Any = self.object_list
        return int(rows[: self.MAX_ROWS + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self.counted, self.MAX_ROWS)

    @property
    def count_text(self) -> str:
        """Return the number of rows in words, as it is not known beyond the maximum."""
        return f"more than {self.count:,}" if self.counted > self.MAX_ROWS else f"{self.count:,}"
