"""A new SQLite database is readable only by its owner."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from django.db import connection

from config.databases import SQLITE_OPTIONS
from tenants.database.sqlite.files import PrivateConnection

OPEN_AND_WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
"""


@pytest.fixture
def umask():
    """Set the usual umask, with which new files are readable by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_database(file):
    connection = sqlite3.connect(file, factory=PrivateConnection)
    for command in SQLITE_OPTIONS["init_command"].split(";"):
        connection.execute(command)
    return connection


def file_modes(folder):
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


def test_database_and_its_side_files_are_private(tmp_path, umask):
    with closing(open_database(tmp_path / "till.sqlite3")) as connection:
        connection.execute("CREATE TABLE a (b)")
        connection.commit()

        assert file_modes(tmp_path) == dict.fromkeys(
            ["till.sqlite3", "till.sqlite3-wal", "till.sqlite3-shm"], 0o600
        )


def test_mode_of_an_existing_database_is_kept(tmp_path, umask):
    file = tmp_path / "till.sqlite3"
    file.touch(0o644)

    open_database(file).close()

    assert file_modes(tmp_path) == {"till.sqlite3": 0o644}


def test_impossible_path_raises_the_error_of_sqlite(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        open_database(tmp_path / "nowhere" / "till.sqlite3")


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory"])
def test_in_memory_database_creates_no_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    sqlite3.connect(name, factory=PrivateConnection, uri=True).close()

    assert file_modes(tmp_path) == {}


def test_second_connection_does_not_release_locks(tmp_path):
    file = tmp_path / "till.sqlite3"
    with closing(sqlite3.connect(file, factory=PrivateConnection)) as writer:
        writer.execute("CREATE TABLE a (b)")
        writer.execute("BEGIN IMMEDIATE")
        sqlite3.connect(file, factory=PrivateConnection)

        other = subprocess.run(
            [sys.executable, "-c", OPEN_AND_WRITE, str(file)],
            capture_output=True,
            text=True,
            check=False,
        )

    assert "database is locked" in other.stderr


@pytest.mark.sqlite
def test_default_database_uses_the_private_connection():
    assert connection.get_connection_params()["factory"] is PrivateConnection
