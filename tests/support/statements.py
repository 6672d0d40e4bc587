"""Count SQL statements."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

TRANSACTIONAL = re.compile(r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE")


@contextmanager
def assert_statement_count(count: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as captured:
        yield
    ran = [query["sql"] for query in captured if not TRANSACTIONAL.match(query["sql"])]
    assert len(ran) == count, "\n".join([f"{len(ran)} statements:", *ran])
