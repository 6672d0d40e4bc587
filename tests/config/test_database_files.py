"""A SQLite database is created for its owner alone."""

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest
from django.conf import settings

from config.databases import SQLITE_OPTIONS, PrivateConnection

OPEN_AND_WRITE = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
"""


@pytest.fixture
def umask():
    """What most systems have: files for everybody to read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def opened(file):
    connection = sqlite3.connect(file, factory=PrivateConnection)
    for command in SQLITE_OPTIONS["init_command"].split(";"):
        connection.execute(command)
    return connection


def modes(folder):
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


def test_the_database_and_what_lies_beside_it_are_the_owners_alone(tmp_path, umask):
    with closing(opened(tmp_path / "till.sqlite3")) as connection:
        connection.execute("CREATE TABLE a (b)")
        connection.commit()

        assert modes(tmp_path) == dict.fromkeys(
            ["till.sqlite3", "till.sqlite3-wal", "till.sqlite3-shm"], 0o600
        )


def test_one_that_is_shared_stays_so(tmp_path, umask):
    file = tmp_path / "till.sqlite3"
    file.touch(0o644)

    opened(file).close()

    assert modes(tmp_path) == {"till.sqlite3": 0o644}


def test_where_no_file_can_be_the_error_is_one_of_sqlite(tmp_path):
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        opened(tmp_path / "nowhere" / "till.sqlite3")


@pytest.mark.parametrize("name", [":memory:", "file:x?mode=memory"])
def test_what_is_no_file_makes_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    sqlite3.connect(name, factory=PrivateConnection, uri=True).close()

    assert modes(tmp_path) == {}


def test_opening_it_once_more_ends_no_lock(tmp_path):
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
def test_till_opens_its_database_so():
    assert settings.DATABASES["default"]["OPTIONS"]["factory"] is PrivateConnection
