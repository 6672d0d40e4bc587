"""Fill the catalog of one shop, or change its prices.

`python -m tests.tools.bench.catalog_data --products N --token FILE --seconds FILE [--reprice]`.

`--seconds` is a file for the seconds that the positions of the changes took.
"""

import argparse
import time
from pathlib import Path

# First, because it sets Django up.
from tests.tools.bench.catalog_measurements import Manager, catalog, import_file  # isort: skip
from django.db import connection

from tenants.events.change_feed import assign_all_positions
from tenants.models import Tenant
from tenants.scope import tenant_scope


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.catalog_data")
    parser.add_argument("--products", type=int, required=True)
    parser.add_argument("--token", type=Path, required=True, help="file of the access token")
    parser.add_argument("--seconds", type=Path, required=True, help="file of the time it took")
    parser.add_argument("--reprice", action="store_true")
    given = parser.parse_args()
    if not given.reprice:
        given.token.write_text(Manager("ours").token)
    price = "2.00" if given.reprice else "1.00"
    import_file(given.token.read_text(), catalog(given.products, price=price))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    # As the relay does, which does not run meanwhile.
    started = time.perf_counter()
    with tenant_scope(Tenant.objects.get()):
        assign_all_positions()
    given.seconds.write_text(f"{time.perf_counter() - started:.1f}")


if __name__ == "__main__":
    main()
