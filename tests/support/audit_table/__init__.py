"""One row for every audit event: what is done, and what must be written of it.

A new event needs a row: a function in one of these modules, named by `@row("the_event")`, which
does it as a person does and returns what is expected. tests/architecture/test_audit.py names the
events that the code can write and that have none.
"""

from tests.support.audit_table import catalog, orders, shop, users
from tests.support.audit_table.scene import ROWS, Scene, Written

__all__ = ["ROWS", "Scene", "Written", "catalog", "orders", "shop", "users"]
