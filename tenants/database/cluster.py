"""Work across tenants on a Citus cluster, where rows are locked and deleted tenant by tenant.

One statement reads which tenants have work, on all nodes and without locks. Everything else is done
in the scope of one tenant, and so on one node.
"""

from typing import Any

from django.db import connection

from tenants.models import Tenant


def is_cluster() -> bool:
    """Return whether the database is a cluster. SQLite has no such feature."""
    return bool(getattr(connection.features, "is_distributed", False))


def find_first_tenants(rows: Any, limit: int) -> list[Tenant]:
    """Return the tenants of the first rows, in the order of the rows."""
    pks = dict.fromkeys(rows.values_list("tenant_id", flat=True)[:limit])
    tenants = Tenant.objects.in_bulk(pks)
    return [tenants[pk] for pk in pks]
